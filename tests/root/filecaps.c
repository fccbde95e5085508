/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * File capabilities, for tests: find(1) does not see them, and getcap(8) may not be installed.
 *
 *	filecaps DIR		prints each file below DIR that has any
 *	filecaps --give FILE	gives FILE one (CAP_NET_RAW), to see that the other form finds it
 */
#include <errno.h>
#include <ftw.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define CAPABILITY "security.capability"
#define OPEN_DIRS_MAX 16

static int
show(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	if (lgetxattr(path, CAPABILITY, NULL, 0) >= 0)
		puts(path);
	else if (errno != ENODATA && errno != ENOTSUP)
		return -1;
	return 0;
}

static int
give(const char *path)
{
	const struct vfs_cap_data data = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1U << CAP_NET_RAW,
	};

	return setxattr(path, CAPABILITY, &data, sizeof(data), 0);
}

int
main(int argc, char **argv)
{
	int result;

	if (argc == 3 && strcmp(argv[1], "--give") == 0) {
		result = give(argv[2]);
	} else if (argc == 2) {
		result = nftw(argv[1], show, OPEN_DIRS_MAX, FTW_PHYS);
	} else {
		fputs("usage: filecaps DIR | filecaps --give FILE\n", stderr);
		return 64;
	}
	if (result != 0 || fflush(stdout) != 0) {
		fprintf(stderr, "filecaps: %s: %s\n", argv[argc - 1], strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
