/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A killed command is looked into: either all that it was to change is changed, or nothing. What it
 * did not change has no turn in the model, and whoever saw it changed saw wrong.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command.h"
#include "dice.h"
#include "manager.h"
#include "model.h"

#define AT_ONCE 3 /* keys in a command, at most */
#define IMPORTS_MAX 128
#define LINES_MAX 4096
#define BUSY 75		     /* exit status: the lock was not had in time */
#define SHORT_WHILE 12000000 /* ns, of a command on an idle machine, about */
#define LOOK_AFTER 25	     /* commands, between two looks at all keys */
#define BARRED_TO "198.51.100.1"

const char *const deed_names[DEEDS] = { "generate", "edit",  "rotate", "deactivate", "activate",
					"revoke",   "prune", "rekey",  "import" };

struct deed_count *deed_counts;

/* A backup that nobody has imported yet, and its keys. */
static struct {
	unsigned keys[AT_ONCE];
	unsigned n_keys;
	bool taken;
} imports[IMPORTS_MAX];
static unsigned n_imports;

struct manager {
	unsigned number;
	struct dice dice;
	char org[8];
	unsigned *keys; /* his */
	unsigned n_keys;
	unsigned n_files, n_commands, n_hot;
	uint64_t usual[DEEDS]; /* how long it takes, about */
};

/* What a command is to change. */
struct plan {
	struct manager *manager;
	enum deed deed;
	struct command command;
	unsigned targets[AT_ONCE];
	unsigned n_targets;
	unsigned set, clear; /* flags of the targets */
	/* What it makes. */
	char file[512];
	unsigned made[AT_ONCE];
	unsigned n_wanted, n_made, limit;
};

/* ---- What the store says ------------------------------------------------------ */

struct listed {
	char id[LRK_ID_LEN + 1];
	char state[16];
	bool known;
};

static size_t
list_keys(const struct manager *manager, struct listed listed[static LINES_MAX])
{
	struct command command = { .words = { "list", "--all", "--csv", "--no-headings",
					      "--columns", "id,state", "--org", manager->org },
				   .n_words = 8,
				   .stdin_fd = -1 };
	char line[64];
	size_t n = 0;

	command_run(&command);
	if (command.status != 0)
		model_wrong("list: exit status %d: %s", command.status, command_why(&command));
	while (n < LINES_MAX && command.status == 0 &&
	       fgets(line, sizeof(line), command.out) != NULL)
		if (sscanf(line, "%12[0-9A-Za-z],%15[a-z]", listed[n].id, listed[n].state) == 2)
			listed[n++].known = false;
	fclose(command.out);
	return n;
}

static struct listed *
find_listed(struct listed *listed, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(listed[i].id, id, LRK_ID_LEN) == 0) {
			listed[i].known = true;
			return &listed[i];
		}
	return NULL;
}

static bool
state_fits(const struct key *key, unsigned flags, const struct listed *listed)
{
	const char *state = listed == NULL ? "" : listed->state;

	if ((flags & KEY_EXISTS) == 0)
		return listed == NULL;
	/* These two may have been pruned. */
	if ((flags & KEY_DEAD) != 0)
		return listed == NULL || strcmp(state, "revoked") == 0;
	if ((flags & KEY_ENDED) != 0)
		return listed == NULL || strcmp(state, "expired") == 0;
	if ((flags & KEY_OFF) != 0)
		return strcmp(state, "deactivated") == 0;
	if (key->limit > 0 && strcmp(state, "exhausted") == 0)
		return true;
	return strcmp(state, (flags & KEY_ROTATED) != 0 ? "deprecated" : "active") == 0;
}

static bool
is_target(const struct plan *plan, unsigned key, unsigned *ret_flags)
{
	for (unsigned i = 0; i < plan->n_targets; i++)
		if (plan->targets[i] == key) {
			*ret_flags = (model_flags(key) | plan->set) & ~plan->clear;
			return true;
		}
	for (unsigned i = 0; i < plan->n_made; i++)
		if (plan->made[i] == key) {
			*ret_flags = KEY_EXISTS;
			return true;
		}
	return false;
}

/* Each key of the manager is in its state; of those of the plan, all are as before, or all new. */
static bool
look_at_keys(const struct plan *plan)
{
	static struct listed listed[LINES_MAX];
	const struct manager *manager = plan->manager;
	size_t n = list_keys(manager, listed);
	bool old = true, new = true;

	for (unsigned i = 0; i < manager->n_keys; i++) {
		const struct key *key = &model->keys[manager->keys[i]];
		const struct listed *found = find_listed(listed, n, key->text + 4);
		unsigned flags = model_flags(manager->keys[i]), changed = flags;

		if (!is_target(plan, manager->keys[i], &changed)) {
			if (!state_fits(key, flags, found))
				model_wrong("key %.12s is %s, with flags %u, after %s",
					    key->text + 4, found == NULL ? "lost" : found->state,
					    flags, deed_names[plan->deed]);
			continue;
		}
		old = old && state_fits(key, flags, found);
		new = new &&state_fits(key, changed, found);
	}
	for (size_t i = 0; i < n; i++)
		if (!listed[i].known)
			model_wrong("key %s is there, and nobody was told, after %s", listed[i].id,
				    deed_names[plan->deed]);
	if (!old && !new)
		model_wrong("%s, killed: neither the old store nor the new one",
			    deed_names[plan->deed]);
	return !old;
}

/* Bars cannot be told from the table: "all" as before is not known, a look at one key is. */
static bool
bar_is_set(unsigned number)
{
	const struct key *key = &model->keys[number];
	char id[LRK_ID_LEN + 1] = "", line[512];
	struct command command = { .words = { "show", "--json", id },
				   .n_words = 3,
				   .stdin_fd = -1 };
	bool set = false;

	memcpy(id, key->text + 4, LRK_ID_LEN);
	command_run(&command);
	if (command.status != 0)
		model_wrong("show: %s", command_why(&command));
	while (fgets(line, sizeof(line), command.out) != NULL)
		set = set || strstr(line, BARRED_TO) != NULL;
	fclose(command.out);
	return set;
}

/* ---- Doing it ----------------------------------------------------------------- */

static void
own_key(struct manager *manager, unsigned key)
{
	if (manager->n_keys == KEYS_MAX)
		abort();
	manager->keys[manager->n_keys++] = key;
	model->hot[manager->number][manager->n_hot++ % HOT_MAX] = key;
}

/* The file of new keys is whole before the change is current: they are tried from then on. */
static void
take_new_keys(void *context)
{
	struct plan *plan = context;
	char line[LRK_APIKEY_LEN + 2];
	FILE *file;

	if (plan->n_made == plan->n_wanted || (file = fopen(plan->file, "re")) == NULL)
		return;
	for (unsigned i = 0; i < plan->n_wanted; i++) {
		if (fread(line, 1, LRK_APIKEY_LEN + 1, file) != LRK_APIKEY_LEN + 1)
			break;
		if (i < plan->n_made)
			continue;
		plan->made[plan->n_made++] = model_add(line, plan->manager->number, plan->limit);
		own_key(plan->manager, plan->made[i]);
	}
	fclose(file);
}

/* At any time, when the new key file is made, or when it has become the current one. */
static void
plan_kill(struct plan *plan)
{
	struct manager *manager = plan->manager;
	struct command *command = &plan->command;
	uint64_t usual = manager->usual[plan->deed];

	if (settings.kills == 0 || dice_roll(&manager->dice, 8) == 0)
		return;
	command->kill = KILL_ANY_TIME + dice_roll(&manager->dice, 3);
	/* Most of an import is spent on the passphrase. */
	if (plan->deed == DEED_IMPORT) {
		command->kill += command->kill == KILL_ANY_TIME;
		usual = 4 * SHORT_WHILE;
	}
	if (command->kill == KILL_ANY_TIME)
		command->kill_after = usual / 1000 * dice_roll(&manager->dice, 1100);
	else if (command->kill == KILL_AT_COPY)
		command->kill_after = usual / 1000 * dice_roll(&manager->dice, 700);
	else
		command->kill_after = SHORT_WHILE / 10000 * dice_roll(&manager->dice, 1000);
}

static void
write_turns(const struct plan *plan)
{
	unsigned flags = 0;

	for (unsigned i = 0; i < plan->n_targets; i++)
		if (is_target(plan, plan->targets[i], &flags))
			model_turn(plan->targets[i], plan->command.begin, plan->command.end, flags);
	for (unsigned i = 0; i < plan->n_made; i++)
		model_turn(plan->made[i], plan->command.begin, plan->command.end, KEY_EXISTS);
}

/* Whether the store is the new one. */
static bool
settle(struct plan *plan)
{
	struct deed_count *count = &deed_counts[plan->deed];
	struct command *command = &plan->command;
	bool new = false;

	if (command->status == 0) {
		count->done++;
		return true;
	}
	if (command->status == BUSY) {
		count->busy++;
	} else if (command->status != -1) {
		model_wrong("%s: exit status %d: %s", deed_names[plan->deed], command->status,
			    command_why(command));
	}
	if (command->status != -1)
		return false;
	count->killed++;
	model->n_kills++;
	new = look_at_keys(plan);
	/* A command without a visible end may have done its work or not. */
	if (plan->deed == DEED_EDIT && plan->n_targets == 1)
		new = bar_is_set(plan->targets[0]) == ((plan->set & KEY_BARRED) != 0);
	count->kept += new;
	return new;
}

static void
carry_out(struct plan *plan)
{
	struct manager *manager = plan->manager;
	struct command *command = &plan->command;

	for (unsigned i = 0; i < plan->n_targets; i++)
		model->hot[manager->number][manager->n_hot++ % HOT_MAX] = plan->targets[i];
	if (plan->n_wanted > 0) {
		command->look = take_new_keys;
		command->context = plan;
	}
	plan_kill(plan);
	command_run(command);
	if (command->status == 0)
		manager->usual[plan->deed] =
			(manager->usual[plan->deed] * 3 + command->end - command->begin) / 4;
	if (settle(plan)) {
		if (plan->n_made != plan->n_wanted)
			model_wrong("%s: %u keys, not %u", deed_names[plan->deed], plan->n_made,
				    plan->n_wanted);
		write_turns(plan);
		if (plan->deed == DEED_IMPORT)
			for (unsigned i = 0; i < n_imports; i++)
				imports[i].taken =
					imports[i].taken || imports[i].keys[0] == plan->targets[0];
	}
	fclose(command->out);
	model->n_changes++;
	if (++manager->n_commands % LOOK_AFTER == 0) {
		plan->n_targets = plan->n_made = 0;
		look_at_keys(plan);
	}
}

/* ---- Choosing ------------------------------------------------------------------ */

/* Takes up to n different keys of the manager that have these flags, and none of those. */
static void
choose_targets(struct plan *plan, unsigned n, unsigned with, unsigned without)
{
	struct manager *manager = plan->manager;
	unsigned tries = manager->n_keys > 0 ? 60 : 0;

	/* What is old is often used up; the newest are looked at most. */
	for (; tries > 0 && plan->n_targets < n; tries--) {
		unsigned span = manager->n_keys > 30 && tries > 10 ? 30 : manager->n_keys;
		unsigned key = manager->keys[manager->n_keys - 1 - dice_roll(&manager->dice, span)];
		unsigned flags = model_flags(key), ignored;

		if ((flags & with) == with && (flags & without) == 0 && model_has_room(key) &&
		    !is_target(plan, key, &ignored))
			plan->targets[plan->n_targets++] = key;
	}
}

static const char *
id_word(unsigned key)
{
	static char ids[AT_ONCE][LRK_ID_LEN + 1];
	static unsigned next;
	char *id = ids[next++ % AT_ONCE];

	memcpy(id, model->keys[key].text + 4, LRK_ID_LEN);
	return id;
}

static void
add_targets(struct plan *plan)
{
	for (unsigned i = 0; i < plan->n_targets; i++)
		command_add(&plan->command, id_word(plan->targets[i]));
}

static void
add_output(struct plan *plan)
{
	snprintf(plan->file, sizeof(plan->file), "%s/new.%u.%u", settings.dir,
		 plan->manager->number, plan->manager->n_files++);
	command_add(&plan->command, "--output");
	command_add(&plan->command, plan->file);
}

static bool
plan_generate(struct plan *plan)
{
	static const char *const counts[] = { "1", "2", "3" };
	static char limit[8];

	plan->n_wanted = 1 + dice_roll(&plan->manager->dice, AT_ONCE);
	command_add(&plan->command, "--org");
	command_add(&plan->command, plan->manager->org);
	command_add(&plan->command, "--count");
	command_add(&plan->command, counts[plan->n_wanted - 1]);
	if (dice_roll(&plan->manager->dice, 4) == 0) {
		plan->limit = 5 + dice_roll(&plan->manager->dice, 60);
		snprintf(limit, sizeof(limit), "%u", plan->limit);
		command_add(&plan->command, "--max-uses");
		command_add(&plan->command, limit);
	}
	add_output(plan);
	return true;
}

static bool
plan_edit(struct plan *plan)
{
	bool bar = dice_roll(&plan->manager->dice, 2) == 0;

	choose_targets(plan, 1, KEY_EXISTS | (bar ? 0 : KEY_BARRED),
		       KEY_DEAD | KEY_ENDED | (bar ? KEY_BARRED : 0));
	plan->set = bar ? KEY_BARRED : 0;
	plan->clear = bar ? 0 : KEY_BARRED;
	command_add(&plan->command, "--allow-from");
	command_add(&plan->command, bar ? BARRED_TO : "");
	add_targets(plan);
	return plan->n_targets > 0;
}

static bool
plan_rotate(struct plan *plan)
{
	bool at_once = dice_roll(&plan->manager->dice, 2) == 0;

	choose_targets(plan, 1, KEY_EXISTS,
		       KEY_DEAD | KEY_ENDED | KEY_ROTATED | KEY_OFF | KEY_BARRED);
	if (plan->n_targets == 0)
		return false;
	plan->set = at_once ? KEY_ENDED : KEY_ROTATED;
	plan->limit = model->keys[plan->targets[0]].limit;
	plan->n_wanted = 1;
	if (at_once) {
		command_add(&plan->command, "--overlap");
		command_add(&plan->command, "0s");
	}
	add_targets(plan);
	add_output(plan);
	return true;
}

static bool
plan_state(struct plan *plan, unsigned n, unsigned with, unsigned without)
{
	choose_targets(plan, 1 + dice_roll(&plan->manager->dice, n), KEY_EXISTS | with,
		       KEY_DEAD | KEY_ENDED | without);
	add_targets(plan);
	return plan->n_targets > 0;
}

static bool
plan_import(struct plan *plan)
{
	static char path[512];

	for (unsigned i = 0; i < n_imports; i++) {
		if (imports[i].taken)
			continue;
		memcpy(plan->targets, imports[i].keys, sizeof(plan->targets));
		plan->n_targets = imports[i].n_keys;
		plan->set = KEY_EXISTS;
		snprintf(path, sizeof(path), "%s/passphrase", settings.dir);
		plan->command.stdin_fd = open(path, O_RDONLY | O_CLOEXEC);
		snprintf(path, sizeof(path), "%s/backup.%u", settings.dir, i);
		command_add(&plan->command, "--passphrase-fd");
		command_add(&plan->command, "0");
		command_add(&plan->command, path);
		return true;
	}
	return false;
}

static bool
plan_deed(struct plan *plan)
{
	command_add(&plan->command, deed_names[plan->deed]);
	switch (plan->deed) {
	case DEED_GENERATE:
		return plan_generate(plan);
	case DEED_EDIT:
		return plan_edit(plan);
	case DEED_ROTATE:
		return plan_rotate(plan);
	case DEED_DEACTIVATE:
		plan->set = KEY_OFF;
		return plan_state(plan, 2, 0, KEY_OFF);
	case DEED_ACTIVATE:
		plan->clear = KEY_OFF;
		return plan_state(plan, 2, KEY_OFF, 0);
	case DEED_REVOKE:
		plan->set = KEY_DEAD;
		command_add(&plan->command, "--yes");
		command_add(&plan->command, "--force");
		return plan_state(plan, AT_ONCE, 0, 0);
	case DEED_IMPORT:
		return plan_import(plan);
	case DEED_PRUNE:
	case DEED_REKEY:
	default:
		return true;
	}
}

/* Prune, rekey and import are one manager's. Each kind of command is to be killed as often. */
static enum deed
choose_deed(struct manager *manager)
{
	unsigned deeds = manager->number == 0 ? DEEDS : DEED_PRUNE;
	enum deed deed = dice_roll(&manager->dice, deeds);

	if (settings.kills == 0 || dice_roll(&manager->dice, 2) == 0)
		return deed;
	for (enum deed other = 0; other < deeds; other++)
		if (deed_counts[other].killed < deed_counts[deed].killed)
			deed = other;
	return deed;
}

static void
do_something(struct manager *manager)
{
	struct plan plan;

	do {
		plan = (struct plan){ .manager = manager, .command = { .stdin_fd = -1 } };
		plan.deed = choose_deed(manager);
	} while (!plan_deed(&plan));
	carry_out(&plan);
	if (plan.command.stdin_fd >= 0)
		close(plan.command.stdin_fd);
}

/* ---- Beginning and end ----------------------------------------------------------- */

static void
read_import(unsigned number, FILE *file)
{
	char line[LRK_APIKEY_LEN + 2];

	while (imports[number].n_keys < AT_ONCE &&
	       fread(line, 1, LRK_APIKEY_LEN + 1, file) == LRK_APIKEY_LEN + 1)
		imports[number].keys[imports[number].n_keys++] = model_add(line, 0, 0);
}

void
managers_prepare(void)
{
	char path[512];
	FILE *file;

	deed_counts = mmap(NULL, DEEDS * sizeof(*deed_counts), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (deed_counts == MAP_FAILED)
		abort();
	while (n_imports < IMPORTS_MAX) {
		snprintf(path, sizeof(path), "%s/backup.%u.keys", settings.dir, n_imports);
		file = fopen(path, "re");
		if (file == NULL)
			break;
		read_import(n_imports++, file);
		fclose(file);
	}
}

static bool
is_done(void)
{
	if (settings.kills > 0)
		return model->n_kills >= settings.kills;
	return model->n_changes >= settings.changes && model->n_logins >= settings.logins;
}

/* Changes are spread over the logins, whatever the machine's speed. */
static bool
is_early(void)
{
	return settings.kills == 0 &&
	       (model->n_changes >= settings.changes ||
		model->n_logins < settings.logins / settings.changes * model->n_changes);
}

void
manager_work(unsigned number)
{
	struct manager manager = { .number = number, .dice = { settings.seed + number } };
	struct plan nothing = { .manager = &manager };

	for (enum deed deed = 0; deed < DEEDS; deed++)
		manager.usual[deed] = 4 * SHORT_WHILE;
	snprintf(manager.org, sizeof(manager.org), "m%u", number);
	manager.keys = calloc(KEYS_MAX, sizeof(*manager.keys));
	if (manager.keys == NULL)
		abort();
	if (number == 0)
		for (unsigned i = 0; i < n_imports; i++)
			for (unsigned j = 0; j < imports[i].n_keys; j++)
				own_key(&manager, imports[i].keys[j]);
	while (!is_done()) {
		if (is_early())
			poll(NULL, 0, 1);
		else
			do_something(&manager);
	}
	look_at_keys(&nothing);
	free(manager.keys);
}
