/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lrkeyadm metrics: the keys of a store in the text format of Prometheus. */
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reading.h"
#include "uses.h"

struct org {
	char name[LRK_ORG_MAX + 1];
	uint64_t n[LRK_STATE_COUNT];
};

/* What is told of one key. */
struct sample {
	const struct org *org;
	char id[LRK_ID_LEN + 1];
	bool tombstone;
	int64_t expires;
	int64_t last_used;
	uint64_t uses;
	uint64_t max_uses;
	uint64_t denied;
};

struct metrics {
	int64_t now;
	struct uses uses;
	void *orgs; /* a tree of struct org, by name */
	struct sample *samples;
	size_t n;
	size_t room;
	enum status status; /* of what stopped the walk */
};

static int
compare_orgs(const void *a, const void *b)
{
	const struct org *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* The organization with this name, which is new when it was not met before. */
static struct org *
find_org(struct metrics *metrics, const char *name)
{
	struct org *org = calloc(1, sizeof(*org));
	void *found;

	if (org == NULL)
		return NULL;
	memcpy(org->name, name, strlen(name) + 1);
	found = tsearch(org, &metrics->orgs, compare_orgs);
	if (found == NULL || *(struct org **)found != org)
		free(org);
	return found != NULL ? *(struct org **)found : NULL;
}

static struct sample *
new_sample(struct metrics *metrics)
{
	if (metrics->n == metrics->room) {
		size_t room = metrics->room == 0 ? 64 : 2 * metrics->room;
		struct sample *samples = reallocarray(metrics->samples, room, sizeof(*samples));

		if (samples == NULL)
			return NULL;
		metrics->samples = samples;
		metrics->room = room;
	}
	return &metrics->samples[metrics->n++];
}

static enum lrk_err
visit(void *context, const struct lrk_entry *entry)
{
	struct metrics *metrics = context;
	struct key_view view = uses_view(&metrics->uses, entry, metrics->now);
	struct org *org = find_org(metrics, entry->org);
	struct sample *sample = org != NULL ? new_sample(metrics) : NULL;

	if (sample == NULL) {
		metrics->status = fail_memory();
		return LRK_ERR_NOMEM;
	}
	org->n[view_state(&view)]++;
	*sample = (struct sample){
		.org = org,
		.tombstone = entry->revoked != 0,
		.expires = entry->expires,
		.last_used = view.usage.last_used,
		.uses = view.usage.uses,
		.max_uses = entry->max_uses,
		.denied = view.usage.denied,
	};
	memcpy(sample->id, entry->id, sizeof(sample->id));
	return LRK_OK;
}

static int
compare_samples(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	int order = strcmp(x->org->name, y->org->name);

	return order != 0 ? order : strcmp(x->id, y->id);
}

/* A label and its value, in which the format gives a meaning to three characters. */
static void
print_label(const char *name, const char *value, char before)
{
	printf("%c%s=\"", before, name);
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			fputs("\\n", stdout);
			continue;
		}
		if (*value == '"' || *value == '\\')
			putchar('\\');
		putchar(*value);
	}
	putchar('"');
}

static void
print_head(const char *name, const char *type, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* twalk_r hands the store's name through. */
static void
print_org(const void *node, VISIT visit_order, void *context)
{
	const struct org *org = *(const struct org *const *)node;
	const struct request *request = context;

	if (visit_order != postorder && visit_order != leaf)
		return;
	for (unsigned state = 0; state < LRK_STATE_COUNT; state++) {
		fputs("lrkey_keys", stdout);
		print_label("store", request->store, '{');
		print_label("org", org->name, ',');
		print_label("state", lrk_state_name((enum lrk_state)state), ',');
		printf("} %" PRIu64 "\n", org->n[state]);
	}
}

/* A metric of single keys; false where a key has none. */
struct metric {
	const char *name;
	const char *type;
	const char *help;
	bool from_usage; /* is not known where the usage file cannot be read */
	bool (*get)(const struct sample *sample, uint64_t *ret);
};

static bool
get_expiry(const struct sample *sample, uint64_t *ret)
{
	*ret = (uint64_t)sample->expires;
	return !sample->tombstone && sample->expires != LRK_NEVER;
}

static bool
get_last_used(const struct sample *sample, uint64_t *ret)
{
	*ret = (uint64_t)sample->last_used;
	return !sample->tombstone && sample->last_used != 0;
}

static bool
get_uses(const struct sample *sample, uint64_t *ret)
{
	*ret = sample->uses;
	return !sample->tombstone;
}

static bool
get_max_uses(const struct sample *sample, uint64_t *ret)
{
	*ret = sample->max_uses;
	return !sample->tombstone && sample->max_uses != 0;
}

/* Who tries a revoked key is worth an alert. */
static bool
get_denied(const struct sample *sample, uint64_t *ret)
{
	*ret = sample->denied;
	return true;
}

static const struct metric of_keys[] = {
	{ "lrkey_key_expiry_timestamp_seconds", "gauge",
	  "When the key expires. Keys that never do have none.", false, get_expiry },
	{ "lrkey_key_last_used_timestamp_seconds", "gauge",
	  "When the key last let its holder in. Keys that never did have none.", true,
	  get_last_used },
	{ "lrkey_key_uses_total", "counter", "How often the key let its holder in.", true,
	  get_uses },
	{ "lrkey_key_max_uses", "gauge",
	  "How often the key may let its holder in. Keys without a limit have none.", false,
	  get_max_uses },
	{ "lrkey_key_denied_total", "counter",
	  "How often the key was presented with its right secret and refused, revoked keys too.",
	  true, get_denied },
};

static void
print_metric(const struct request *request, const struct metrics *metrics,
	     const struct metric *metric)
{
	uint64_t value;

	print_head(metric->name, metric->type, metric->help);
	for (size_t i = 0; i < metrics->n; i++) {
		const struct sample *sample = &metrics->samples[i];

		if (!metric->get(sample, &value))
			continue;
		fputs(metric->name, stdout);
		print_label("store", request->store, '{');
		print_label("org", sample->org->name, ',');
		print_label("id", sample->id, ',');
		printf("} %" PRIu64 "\n", value);
	}
}

static void
print_all(const struct request *request, struct metrics *metrics)
{
	if (metrics->n > 0)
		qsort(metrics->samples, metrics->n, sizeof(*metrics->samples), compare_samples);
	print_head("lrkey_keys", "gauge", "How many keys there are, by state.");
	twalk_r(metrics->orgs, print_org, (void *)(uintptr_t)request);
	for (size_t i = 0; i < sizeof(of_keys) / sizeof(of_keys[0]); i++)
		if (!of_keys[i].from_usage || metrics->uses.fd >= 0)
			print_metric(request, metrics, &of_keys[i]);
}

static enum status
run(const struct request *request)
{
	struct metrics metrics = { .uses = USES_CLOSED };
	struct lrk_why why = { "" };
	struct lrk_header header;
	struct lrk_store store;
	enum status status;
	enum lrk_err err;

	status = reading_open_verifier(request, &store, &header);
	if (status == STATUS_OK)
		status = reading_now(&metrics.now);
	if (status == STATUS_OK) {
		uses_open(&store, &metrics.uses);
		err = lrk_snapshot_walk(&store, visit, &metrics, &why);
		if (metrics.status != STATUS_OK)
			status = metrics.status;
		else if (err != LRK_OK)
			status = reading_fail(request, false, err, &why);
	}
	if (status == STATUS_OK)
		print_all(request, &metrics);
	tdestroy(metrics.orgs, free);
	free(metrics.samples);
	uses_close(&metrics.uses);
	lrk_store_close(&store);
	return status;
}

const struct command cmd_metrics = {
	.name = "metrics",
	.args = "",
	.summary = "Prints metrics for Prometheus; for whoever may verify",
	.run = run,
};
