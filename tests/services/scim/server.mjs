// SPDX-License-Identifier: GPL-3.0-or-later
//
// A SCIM 2.0 server with users in memory, as an application behind nginx or Apache:
//
//	node server.mjs PORT
//
// It trusts the front for who asks: X-Organization chooses the users, X-Key-Id is for its
// own record, a line a request on standard output.
//
// - A request that still carries Authorization MUST be an error: the key is not for it.

import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const tenants = new Map();
let made = 0;

function usersOf(org) {
	if (!tenants.has(org))
		tenants.set(org, new Map());
	return tenants.get(org);
}

function find(users, id) {
	if (!users.has(id))
		throw new SCIMMY.Types.Error(404, null, `no user ${id}`);
	return users.get(id);
}

SCIMMY.Resources.declare(SCIMMY.Resources.User, {
	egress(resource, { org }) {
		const users = usersOf(org);

		if (resource.id !== undefined)
			return find(users, resource.id);
		return resource.filter ? resource.filter.match([...users.values()]) : [...users.values()];
	},

	ingress(resource, instance, { org }) {
		const users = usersOf(org);
		const now = new Date().toISOString();
		const old = resource.id !== undefined ? find(users, resource.id) : undefined;
		const user = JSON.parse(JSON.stringify(instance));

		for (const other of users.values())
			if (other.userName === user.userName && other !== old)
				throw new SCIMMY.Types.Error(409, "uniqueness", `user ${user.userName} exists`);
		user.id = old?.id ?? String(++made);
		user.meta = { created: old?.meta.created ?? now, lastModified: now };
		users.set(user.id, user);
		return user;
	},

	degress(resource, { org }) {
		find(usersOf(org), resource.id);
		usersOf(org).delete(resource.id);
	},
});

const app = express();

app.use("/v2", (request, response, next) => {
	const org = request.header("X-Organization");
	const key = request.header("X-Key-Id");

	if (!org || !key || request.header("Authorization")) {
		response.status(500).send("the front in front of this is not set up\n");
		return;
	}
	console.log(`${request.method} ${request.originalUrl} org ${org} key ${key}`);
	next();
});

app.use("/v2", new SCIMMYRouters({
	type: "bearer",
	handler: (request) => request.header("X-Key-Id"),
	context: (request) => ({ org: request.header("X-Organization") }),
	baseUri: (request) => `https://${request.header("X-Forwarded-Host")}` +
		`/scim/${request.header("X-Organization")}`,
}));

const server = app.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));

server.on("error", (error) => {
	console.error(error.message);
	process.exit(1);
});
