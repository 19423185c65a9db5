#define _GNU_SOURCE /* unshare, syncfs */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DISK_BYTES (128 << 20)                 /* holes, until they are written */
#define DISK_SHUTDOWN _IOR('X', 125, uint32_t) /* EXT4_IOC_SHUTDOWN */
#define DISK_TRIES 200

/* A command with the image and, where it needs it, the place. The names are this file's own. */
static bool
disk_run(const char *tool, const char *image, const char *place)
{
    char command[3 * DISK_PATH_BYTES];

    (void)snprintf(command, sizeof command, "%s '%s' %s >/dev/null 2>&1", tool, image, place);
    return system(command) == 0;
}

static bool
disk_mount(disk *d)
{
    if (!disk_run("mount -t ext4 -o loop", d->image, d->place))
        return false;
    d->fd = open(d->place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return d->fd >= 0;
}

/* Who was killed may hold it for a moment longer. */
static bool
disk_unmount(disk *d)
{
    if (d->fd >= 0)
        (void)close(d->fd);
    d->fd = -1;
    for (int i = 0; i < DISK_TRIES; i++) {
        if (umount2(d->place, 0) == 0)
            return true;
        if (errno != EBUSY)
            return false;
        (void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    return false;
}

const char *
disk_init(disk *d, const char *folder)
{
    int fd;

    d->fd = -1;
    (void)snprintf(d->image, sizeof d->image, "%s/image", folder);
    (void)snprintf(d->place, sizeof d->place, "%s/disk", folder);
    if (geteuid() != 0)
        return "only root can mount a file system and cut its power";
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return "no mount namespaces here";
    fd = open(d->image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, DISK_BYTES) != 0 || close(fd) != 0 || mkdir(d->place, 0700) != 0)
        return "no room for a file system";
    if (!disk_run("mkfs.ext4 -q -F", d->image, ""))
        return "no mkfs.ext4 here";
    if (!disk_mount(d))
        return "no loop devices, or no ext4 here";
    return NULL;
}

bool
disk_sync(disk *d)
{
    return syncfs(d->fd) == 0;
}

bool
disk_cut(disk *d, uint32_t how)
{
    return ioctl(d->fd, DISK_SHUTDOWN, &how) == 0;
}

bool
disk_remount(disk *d)
{
    return disk_unmount(d) && disk_mount(d);
}

void
disk_fini(disk *d)
{
    if (d->fd >= 0 && !disk_unmount(d))
        (void)umount2(d->place, MNT_DETACH);
    d->fd = -1;
}
