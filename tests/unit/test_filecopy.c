/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copying, reading and writing whole files, with a kernel that interrupts, gives less than was
 * asked for, refuses, or says that all is done when it is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "liblrkey/filecopy.h"
#include "liblrkey/safeopen.h"

#include "unit.h"

#define SIZE ((size_t)200000)

/* One kind of call, how many of it go well before it fails, and how. */
struct plan {
	int calls;
	int good;
	int error;    /* 0: it says that there is no more */
	bool forever; /* else once */
	size_t most;  /* bytes in one call; 0: all */
};

static struct plan copies, reads, writes;

static bool
fails(struct plan *plan)
{
	int call = plan->calls++;

	errno = plan->error;
	return plan->good >= 0 && (plan->forever ? call >= plan->good : call == plan->good);
}

static size_t
at_most(const struct plan *plan, size_t size)
{
	return plan->most != 0 && size > plan->most ? plan->most : size;
}

ssize_t
copy_file_range(int from, loff_t *at, int to, loff_t *to_at, size_t size, unsigned flags)
{
	if (fails(&copies))
		return copies.error != 0 ? -1 : 0;
	return syscall(SYS_copy_file_range, from, at, to, to_at, at_most(&copies, size), flags);
}

ssize_t
pread(int fd, void *bytes, size_t size, off_t offset)
{
	if (fails(&reads))
		return reads.error != 0 ? -1 : 0;
	return syscall(SYS_pread64, fd, bytes, at_most(&reads, size), offset);
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
	if (fails(&writes))
		return writes.error != 0 ? -1 : 0;
	return syscall(SYS_write, fd, bytes, at_most(&writes, size));
}

static uint8_t content[SIZE], copied[SIZE + 1];

static int
set_up(void **state)
{
	(void)state;
	/* cmocka writes, too: nothing fails unless a test says so. */
	copies = reads = writes = (struct plan){ .good = -1 };
	return 0;
}

static int
new_file(void)
{
	int fd = memfd_create("copy", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static enum lrk_err
copy(void)
{
	uint64_t state = 0x9e3779b97f4a7c15;
	int from = new_file(), to = new_file(), error;
	enum lrk_err err;
	ssize_t n;

	for (size_t i = 0; i < SIZE; i++)
		content[i] = (uint8_t)random_below(&state, 256);
	assert_int_equal(syscall(SYS_write, from, content, SIZE), SIZE);
	err = lrk_file_copy(from, to);
	error = errno;
	n = syscall(SYS_pread64, to, copied, sizeof(copied), 0);
	close(from);
	close(to);
	writes.good = -1;
	if (err == LRK_OK) {
		assert_int_equal(n, SIZE);
		assert_memory_equal(copied, content, SIZE);
	}
	errno = error;
	return err;
}

static void
test_by_the_kernel(void **state)
{
	(void)state;
	assert_ok(copy());
	assert_int_equal(writes.calls, 0);
}

static void
test_in_parts(void **state)
{
	(void)state;
	copies.most = 1000;
	assert_ok(copy());
	assert_true(copies.calls > 200);
	assert_int_equal(writes.calls, 0);
}

/* Where it cannot, at once or in the middle, it is copied by hand. */
static void
test_not_by_the_kernel(void **state)
{
	static const int errors[] = { EXDEV, EINVAL, ENOSYS, EOPNOTSUPP };

	for (size_t i = 0; i < 2 * COUNT_OF(errors); i++) {
		set_up(state);
		copies = (struct plan){ .good = i % 2 == 0 ? 0 : 3,
					.error = errors[i / 2],
					.forever = true,
					.most = 1000 };
		assert_ok(copy());
		assert_true(writes.calls > 0);
	}
}

/* As Linux 5.3 to 5.18 do on some file systems (copy_file_range(2)): a success without a byte. */
static void
test_kernel_that_copies_nothing(void **state)
{
	(void)state;
	copies = (struct plan){ .good = 0, .forever = true };
	assert_ok(copy());
	set_up(state);
	copies = (struct plan){ .good = 2, .forever = true, .most = 1000 };
	assert_ok(copy());
}

static void
test_kernel_fails(void **state)
{
	static const int errors[] = { EIO, ENOSPC, EDQUOT, EFBIG };

	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		set_up(state);
		copies = (struct plan){ .good = 1, .error = errors[i], .most = 1000 };
		assert_err(copy(), LRK_ERR_IO);
		assert_int_equal(errno, errors[i]);
		assert_int_equal(writes.calls, 0);
	}
}

static void
test_interrupted(void **state)
{
	(void)state;
	copies = (struct plan){ .good = 1, .error = EINTR, .most = 1000 };
	assert_ok(copy());
	set_up(state);
	copies = (struct plan){ .good = 0, .error = EXDEV, .forever = true };
	reads = (struct plan){ .good = 1, .error = EINTR, .most = 1000 };
	writes = (struct plan){ .good = 2, .error = EINTR, .most = 100 };
	assert_ok(copy());
	assert_true(writes.calls > 2000);
}

static void
test_by_hand_fails(void **state)
{
	(void)state;
	copies = (struct plan){ .good = 0, .error = EXDEV, .forever = true };
	reads = (struct plan){ .good = 1, .error = EIO };
	assert_err(copy(), LRK_ERR_IO);
	assert_int_equal(errno, EIO);
	set_up(state);
	copies = (struct plan){ .good = 0, .error = EXDEV, .forever = true };
	writes = (struct plan){ .good = 1, .error = ENOSPC };
	assert_err(copy(), LRK_ERR_IO);
	assert_int_equal(errno, ENOSPC);
	/* A write that takes nothing and says nothing. */
	set_up(state);
	copies = (struct plan){ .good = 0, .error = EXDEV, .forever = true };
	writes = (struct plan){ .good = 1, .forever = true };
	assert_err(copy(), LRK_ERR_IO);
	assert_int_equal(errno, EIO);
}

/* A file that is read whole, in parts and in spite of signals; and one that shrank meanwhile. */
static void
test_read(void **state)
{
	int fd = new_file();

	(void)state;
	assert_int_equal(syscall(SYS_write, fd, content, SIZE), SIZE);
	reads = (struct plan){ .good = 3, .error = EINTR, .most = 1000 };
	memset(copied, 0, sizeof(copied));
	assert_ok(lrk_file_read(fd, copied, SIZE));
	assert_memory_equal(copied, content, SIZE);
	assert_err(lrk_file_read(fd, copied, SIZE + 1), LRK_ERR_IO);
	assert_int_equal(errno, EIO);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_by_the_kernel, set_up),
		cmocka_unit_test_setup(test_in_parts, set_up),
		cmocka_unit_test_setup(test_not_by_the_kernel, set_up),
		cmocka_unit_test_setup(test_kernel_that_copies_nothing, set_up),
		cmocka_unit_test_setup(test_kernel_fails, set_up),
		cmocka_unit_test_setup(test_interrupted, set_up),
		cmocka_unit_test_setup(test_by_hand_fails, set_up),
		cmocka_unit_test_setup(test_read, set_up),
	};

	set_up(NULL);
	return cmocka_run_group_tests_name("filecopy", tests, NULL, NULL);
}
