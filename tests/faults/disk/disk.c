/* Stands between a process and its disk (LD_PRELOAD): journals what it does to the files of one
 * directory, and makes that disk slow, full or broken while the process runs.
 *
 *   FAULT_DIRECTORY  absolute path; only files in it are concerned
 *   FAULT_JOURNAL    file that gets one record per call that changes or syncs a file
 *   FAULT_CONTROL    file with three int32 that may change at any time: error number of writes,
 *                    error number of syncs, milliseconds a sync takes longer
 *
 * Calls are taken one at a time, so that the order of records is the order of what was done.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, ZERO };

struct record {
    uint32_t kind;
    uint32_t path_bytes, to_bytes;
    uint32_t unused;
    uint64_t begun_ns, offset, data_bytes;
};

#define MOST_FILES 65536
static char *paths[MOST_FILES];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char directory[4096];
static size_t directory_bytes;
static int journal = -1;
static volatile int32_t *control;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
    const char *named = getenv("FAULT_DIRECTORY");
    if (!named) return;
    snprintf(directory, sizeof directory, "%s", named);
    directory_bytes = strlen(directory);
    if ((named = getenv("FAULT_JOURNAL")))
        journal = REAL(open)(named, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if ((named = getenv("FAULT_CONTROL"))) {
        int fd = REAL(open)(named, O_RDONLY | O_CLOEXEC);
        void *at = mmap(NULL, 12, PROT_READ, MAP_SHARED, fd, 0);
        REAL(close)(fd);
        if (at != MAP_FAILED) control = at;
    }
}

static int is_ours(const char *path) {
    return directory_bytes && path && !strncmp(path, directory, directory_bytes) &&
           (path[directory_bytes] == '/' || !path[directory_bytes]);
}

static const char *path_of(int fd) { return fd >= 0 && fd < MOST_FILES ? paths[fd] : NULL; }

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void put(const void *data, size_t bytes) {
    for (const char *at = data; bytes;) {
        ssize_t done = REAL(write)(journal, at, bytes);
        if (done <= 0) abort();
        at += done;
        bytes -= done;
    }
}

static void note(uint32_t kind, uint64_t begun_ns, const char *path, const char *to,
                 uint64_t offset, const void *data, uint64_t bytes) {
    if (journal < 0) return;
    int kept = errno;
    struct record r = {kind, strlen(path), to ? strlen(to) : 0, 0, begun_ns, offset, bytes};
    put(&r, sizeof r);
    put(path, r.path_bytes);
    if (to) put(to, r.to_bytes);
    if (data) put(data, bytes);
    errno = kept;
}

static int fails(int which) {
    if (!control || !control[which]) return 0;
    errno = control[which];
    return 1;
}

static int opened(int fd, const char *path, int was_there, int flags, uint64_t begun_ns) {
    if (fd >= 0 && fd < MOST_FILES && is_ours(path)) {
        free(paths[fd]);
        paths[fd] = strdup(path);
        if ((flags & O_CREAT) && !was_there) note(CREATE, begun_ns, path, NULL, 0, NULL, 0);
        if ((flags & O_TRUNC) && was_there) note(TRUNCATE, begun_ns, path, NULL, 0, NULL, 0);
    }
    return fd;
}

#define OPENER(name, ...)                                                                          \
    int name(const char *path, int flags, ...) {                                                   \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                    \
        va_end(rest);                                                                              \
        if (!is_ours(path)) return REAL(name)(path, flags, mode);                                  \
        pthread_mutex_lock(&turn);                                                                 \
        uint64_t begun_ns = now_ns();                                                              \
        int was_there = !access(path, F_OK);                                                       \
        int fd = -1;                                                                               \
        if (was_there || !(flags & O_CREAT) || !fails(0)) fd = REAL(name)(path, flags, mode);      \
        opened(fd, path, was_there, flags, begun_ns);                                              \
        pthread_mutex_unlock(&turn);                                                               \
        return fd;                                                                                 \
    }
OPENER(open)
OPENER(open64)

int close(int fd) {
    if (!path_of(fd)) return REAL(close)(fd);
    pthread_mutex_lock(&turn);
    free(paths[fd]);
    paths[fd] = NULL;
    int result = REAL(close)(fd);
    pthread_mutex_unlock(&turn);
    return result;
}

ssize_t write(int fd, const void *data, size_t bytes) {
    const char *path = path_of(fd);
    if (!path) return REAL(write)(fd, data, bytes);
    pthread_mutex_lock(&turn);
    uint64_t begun_ns = now_ns();
    ssize_t done = -1;
    if (!fails(0)) {
        off_t at = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
        done = REAL(write)(fd, data, bytes);
        if (done > 0) note(WRITE, begun_ns, path, NULL, at, data, done);
    }
    pthread_mutex_unlock(&turn);
    return done;
}

#define POSITIONED(name, offset_type)                                                              \
    ssize_t name(int fd, const void *data, size_t bytes, offset_type at) {                         \
        const char *path = path_of(fd);                                                            \
        if (!path) return REAL(name)(fd, data, bytes, at);                                         \
        pthread_mutex_lock(&turn);                                                                 \
        uint64_t begun_ns = now_ns();                                                              \
        ssize_t done = fails(0) ? -1 : REAL(name)(fd, data, bytes, at);                            \
        if (done > 0) note(WRITE, begun_ns, path, NULL, at, data, done);                           \
        pthread_mutex_unlock(&turn);                                                               \
        return done;                                                                               \
    }
POSITIONED(pwrite, off_t)
POSITIONED(pwrite64, off64_t)

#define SYNCING(name)                                                                              \
    int name(int fd) {                                                                             \
        const char *path = path_of(fd);                                                            \
        if (!path) return REAL(name)(fd);                                                          \
        if (control && control[2]) usleep(1000 * control[2]);                                      \
        pthread_mutex_lock(&turn);                                                                 \
        uint64_t begun_ns = now_ns();                                                              \
        int result = fails(1) ? -1 : REAL(name)(fd);                                               \
        if (!result) note(SYNC, begun_ns, path, NULL, 0, NULL, 0);                                 \
        pthread_mutex_unlock(&turn);                                                               \
        return result;                                                                             \
    }
SYNCING(fsync)
SYNCING(fdatasync)

#define CUTTING(name, offset_type)                                                                 \
    int name(int fd, offset_type size) {                                                           \
        const char *path = path_of(fd);                                                            \
        if (!path) return REAL(name)(fd, size);                                                    \
        pthread_mutex_lock(&turn);                                                                 \
        uint64_t begun_ns = now_ns();                                                              \
        int result = REAL(name)(fd, size);                                                         \
        if (!result) note(TRUNCATE, begun_ns, path, NULL, size, NULL, 0);                          \
        pthread_mutex_unlock(&turn);                                                               \
        return result;                                                                             \
    }
CUTTING(ftruncate, off_t)
CUTTING(ftruncate64, off64_t)

int fallocate(int fd, int mode, off_t at, off_t bytes) {
    const char *path = path_of(fd);
    if (!path) return REAL(fallocate)(fd, mode, at, bytes);
    pthread_mutex_lock(&turn);
    uint64_t begun_ns = now_ns();
    int result = REAL(fallocate)(fd, mode, at, bytes);
    if (!result && (mode & FALLOC_FL_PUNCH_HOLE))
        note(ZERO, begun_ns, path, NULL, at, NULL, bytes);
    pthread_mutex_unlock(&turn);
    return result;
}

int rename(const char *from, const char *to) {
    if (!is_ours(from) && !is_ours(to)) return REAL(rename)(from, to);
    pthread_mutex_lock(&turn);
    uint64_t begun_ns = now_ns();
    int result = REAL(rename)(from, to);
    if (!result) note(RENAME, begun_ns, from, to, 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    return result;
}

#define REMOVER(name)                                                                              \
    int name(const char *path) {                                                                   \
        if (!is_ours(path)) return REAL(name)(path);                                               \
        pthread_mutex_lock(&turn);                                                                 \
        uint64_t begun_ns = now_ns();                                                              \
        int result = REAL(name)(path);                                                             \
        if (!result) note(UNLINK, begun_ns, path, NULL, 0, NULL, 0);                               \
        pthread_mutex_unlock(&turn);                                                               \
        return result;                                                                             \
    }
REMOVER(unlink)
REMOVER(remove)
