-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Apache: an API key as a Bearer token, for mod_authnz_pam, which reads HTTP Basic only. Copy
-- this to /etc/apache2; scim.conf uses it. Change the path where yours is another.
--
-- Each request gets a Basic header of the organization in its path and of the token; without
-- either, one that nobody can log in with. Whatever the client sent is gone with it.

function lrkey_bearer(r)
	local org = r.uri:match("^/scim/(%w[%w._-]*)/v2") or ""
	local sent = r.headers_in["Authorization"] or ""
	local token = sent:match("^[Bb][Ee][Aa][Rr][Ee][Rr] +([%w._~+/-]+=*)$") or ""

	r.headers_in["Authorization"] = "Basic " .. r:base64_encode(org .. ":" .. token)
	r.headers_in["X-Key-Id"] = token:match("^lrk_(%w+)_%w+$") or ""
	return apache2.DECLINED
end
