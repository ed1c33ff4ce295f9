package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// zero is the name that git gives to no object.
const zero = "0000000000000000000000000000000000000000"

// settings are git's, for every command: they are here and not in the repositories, so that old repositories follow new programs.
func (d *Door) settings() []string {
	return []string{
		"safe.directory=*",
		"core.hooksPath=" + d.hooksDir(),
		"core.fsync=all", // an accepted push survives the loss of power
		"gc.auto=0", "receive.autogc=false", "maintenance.auto=false",
		"receive.unpackLimit=1", // packs as they come: one file to bring to disk, not hundreds
		"receive.fsckObjects=true", "receive.fsck.zeroPaddedFilemode=ignore", "receive.fsck.missingSpaceBeforeDate=ignore", "receive.fsck.badTimezone=ignore",
		"receive.advertisePushOptions=true", "receive.denyCurrentBranch=ignore", "receive.denyDeleteCurrent=ignore",
		fmt.Sprintf("receive.maxInputSize=%d", d.opts.MaxPush),
		"uploadpack.allowAnySHA1InWant=true", "uploadpack.allowFilter=true",
		"receive.keepAlive=" + strconv.Itoa(d.keepAlive),
		"http.receivepack=true", "init.defaultBranch=main", "advice.detachedHead=false",
	}
}

// command makes a git command that depends on nothing of the user who started the server. In a process group of its own, it is not interrupted with the server's terminal.
func (d *Door) command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	var all []string
	for _, s := range d.settings() {
		all = append(all, "-c", s)
	}
	cmd := exec.CommandContext(ctx, d.git, append(all, args...)...) //nolint:gosec // names of apps and refs are checked where they come in; there is no shell
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + d.opts.Dir, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
	}, env...)
	cmd.Dir = d.opts.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// maxOutput bounds what is read of a git command's answer, in bytes.
const maxOutput = 64 << 20

// output runs git in a repository and gives what it prints. env is added, for objects in quarantine.
func (d *Door) output(ctx context.Context, repo string, env []string, args ...string) (string, error) {
	var out, errs limitedBuffer
	cmd := d.command(ctx, env, append([]string{"--git-dir=" + repo}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", &commandError{args: args, said: strings.TrimSpace(errs.String()), err: err}
	}
	return out.String(), nil
}

// commandError is a git command that failed, with what it said.
type commandError struct {
	args []string
	said string
	err  error
}

func (e *commandError) Error() string {
	return fmt.Sprintf("git %s: %v: %s", strings.Join(e.args, " "), e.err, e.said)
}

func (e *commandError) Unwrap() error { return e.err }

// exited tells whether git ran to its end and said no with this status.
func exited(err error, status int) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == status
}

type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("git printed more than %d bytes", maxOutput)
	}
	return b.Buffer.Write(p)
}
