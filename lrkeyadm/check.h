/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of "lrkeyadm check", which look at one store as far as they can. */
#ifndef LRKEYADM_CHECK_H
#define LRKEYADM_CHECK_H

#include "findings.h"
#include "liblrkey/store.h"

enum check_file { FILE_MASTER, FILE_LOCK, FILE_USAGE, FILE_AUDIT, FILE_KEYS, N_FILES };

struct check {
	const struct request *request;
	struct findings findings;
	int64_t now;
	bool locked; /* nothing changes while we look */
	uid_t owner; /* whom the files belong to that must be root's */
	bool has_verifiers;
	gid_t verifiers;
	bool has_managers;
	gid_t managers;
	bool told[N_FILES]; /* that the file is refused; nobody says it again */
	struct lrk_store store; /* what of it could be opened */
	bool has_ring;
	bool has_file;
	bool has_header;
	struct lrk_header header;
	uint64_t n_keys;
};

#define CHECK_CLOSED { .store = LRK_STORE_CLOSED }

/*
 * Modes, owners, links, leftovers, and what does not belong there. Opens the directories,
 * also those that would be refused. STATUS_NO, without a message, where there is no store.
 */
enum status check_files(struct check *check);

/* The files of the policy. */
void check_policy(struct check *check);

/* Opens the master keys, the key file and its header. */
void check_store(struct check *check);

/* Each record, what they say together, and the usage file. */
void check_keys(struct check *check);

/* The audit log, against the header's generation. */
void check_audit(struct check *check);

#endif
