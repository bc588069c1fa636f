#include "proc.h"

#include "base/clock.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static enum ph_err drain(int fd, struct ph_buf *into, bool *open)
{
    uint8_t chunk[65536];
    ssize_t n = read(fd, chunk, sizeof(chunk));
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? PH_OK : PH_ERR_IO;
    if (n == 0) {
        *open = false;
        return PH_OK;
    }
    return ph_buf_add(into, (struct ph_bytes){chunk, (size_t)n});
}

static enum ph_err drain_both(int out_fd, int err_fd, struct ph_buf *out, struct ph_buf *err)
{
    bool open[2] = {true, true};
    while (open[0] || open[1]) {
        struct pollfd fds[2] = {{open[0] ? out_fd : -1, POLLIN, 0},
                                {open[1] ? err_fd : -1, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return PH_ERR_IO;
        if (fds[0].revents != 0)
            PH_TRY(drain(out_fd, out, &open[0]));
        if (fds[1].revents != 0)
            PH_TRY(drain(err_fd, err, &open[1]));
    }
    return PH_OK;
}

static enum ph_err spawn_captured(char *const *argv, char *const *env, const char *cwd, int out_w,
                                  int err_w, pid_t *pid)
{
    posix_spawn_file_actions_t fa;
    if (posix_spawn_file_actions_init(&fa) != 0)
        return PH_ERR_NOMEM;
    int rc = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    rc = rc != 0 ? rc : posix_spawn_file_actions_adddup2(&fa, out_w, 1);
    rc = rc != 0 ? rc : posix_spawn_file_actions_adddup2(&fa, err_w, 2);
    rc = rc != 0 ? rc : posix_spawn_file_actions_addchdir_np(&fa, cwd);
    rc = rc != 0 ? rc : posix_spawn(pid, argv[0], &fa, NULL, argv, env);
    (void)posix_spawn_file_actions_destroy(&fa);
    errno = rc;
    return rc == 0 ? PH_OK : PH_ERR_IO;
}

static void reap(pid_t pid, int *status)
{
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
}

enum ph_err ph_proc_run(char *const *argv, char *const *env, const char *cwd, struct ph_buf *out,
                        struct ph_buf *err, struct ph_proc_end *end)
{
    int out_pipe[2], err_pipe[2];
    if (pipe2(out_pipe, O_CLOEXEC) != 0)
        return PH_ERR_IO;
    int out_r PH_OWNED(ph_closep) = out_pipe[0], out_w PH_OWNED(ph_closep) = out_pipe[1];
    if (pipe2(err_pipe, O_CLOEXEC) != 0)
        return PH_ERR_IO;
    int err_r PH_OWNED(ph_closep) = err_pipe[0], err_w PH_OWNED(ph_closep) = err_pipe[1];
    pid_t pid;
    PH_TRY(spawn_captured(argv, env, cwd, out_w, err_w, &pid));
    (void)close(PH_TAKE_FD(out_w));
    (void)close(PH_TAKE_FD(err_w));
    enum ph_err result = drain_both(out_r, err_r, out, err);
    if (result != PH_OK)
        (void)kill(pid, SIGKILL);
    int status = 0;
    reap(pid, &status);
    PH_TRY(result);
    end->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return PH_OK;
}

/* Between fork and exec: async-signal-safe calls only. */
static _Noreturn void become(char *const *argv, int out_fd, int pass_fd, pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    int null = open("/dev/null", O_RDONLY);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent && setpgid(0, 0) == 0 &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0 && signal(SIGPIPE, SIG_DFL) != SIG_ERR &&
        dup2(null, 0) == 0 && dup2(out_fd, 1) == 1 && dup2(out_fd, 2) == 2 &&
        (pass_fd < 0 || (pass_fd == 3 ? fcntl(3, F_SETFD, 0) == 0 : dup2(pass_fd, 3) == 3)))
        (void)execve(argv[0], argv, environ);
    _exit(127);
}

enum ph_err ph_proc_start(char *const *argv, int out_fd, int pass_fd, pid_t *out)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(argv, out_fd, pass_fd, parent);
    if (pid < 0)
        return PH_ERR_IO;
    *out = pid;
    return PH_OK;
}

void ph_proc_stop(pid_t pid, int grace_ms)
{
    (void)kill(pid, SIGTERM);
    int64_t deadline = ph_clock_mono_ns() + (int64_t)grace_ms * 1000000;
    int status;
    while (ph_clock_mono_ns() < deadline) {
        pid_t done = waitpid(pid, &status, WNOHANG);
        if (done == pid || (done < 0 && errno == ECHILD))
            return;
        (void)nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL);
    }
    (void)kill(pid, SIGKILL);
    reap(pid, &status);
}
