package worker_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/agent/worker"
	"github.com/slipwayhq/slipway/internal/decide/build"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

func TestCommandsSeeNoCredential(t *testing.T) {
	t.Setenv("SLIPWAY_TOKEN", "hunter2-token")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2-aws")
	t.Setenv("HTTPS_PROXY", "http://ana:hunter2-proxy@127.0.0.1:1")
	w := newWorld(t)
	var dir, credential string
	w.worker("w1", func(o *worker.Options) {
		o.GitURL = nil // through the server's own door
		dir, credential = o.Dir, o.Client.Credential()
	})
	look := suite("", `env; git config --list --show-origin; cat "$(git rev-parse --git-common-dir)/config"; git remote -v; cat /proc/self/environ | tr '\0' '\n'; ps -eo args; exit 1`)
	look.Env = map[string]string{"COLOUR": "green", "SLIPWAY_URL": "nothing"}
	w.push(manifestOf("", look))
	b := w.ended(1)
	text := w.log(b.ID, b.Units[0].Lease)
	if !strings.Contains(text, "COLOUR=green") || !strings.Contains(text, "CI=true") || !strings.Contains(text, "core.bare") {
		t.Fatalf("the command did not run: %q", text)
	}
	for _, secret := range []string{credential, "hunter2", "SLIPWAY_", "Authorization", "extraheader"} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
			t.Errorf("the command sees %q", secret)
		}
	}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
		t.Errorf("the worker's environment can be read in /proc: %d, %v", dumpable, err)
	}
	for _, file := range []string{"config", "FETCH_HEAD"} {
		found, _ := os.ReadFile(filepath.Join(dir, "mirrors", "shop.git", file)) // may not be there
		if strings.Contains(string(found), credential) {
			t.Errorf("the credential is in the mirror's %s", file)
		}
	}
}

// mode runs the test's worker with an isolation, and skips the test where the kernel refuses it.
func mode(t *testing.T, isolation proc.Isolation) func(*worker.Options) {
	t.Helper()
	k, err := proc.OpenKeepers(proc.KeeperOptions{Program: proc.KeeperProgram(), Isolation: isolation})
	if err != nil {
		t.Skipf("the kernel refuses: %v", err)
	}
	k.Close()
	return func(o *worker.Options) { o.Isolation = isolation }
}

// A command that looks everywhere finds neither the agent's folders nor other commands'.
func TestCommandsFindNoCredential(t *testing.T) {
	w := newWorld(t)
	var o worker.Options
	w.worker("w1", mode(t, proc.Namespaces), func(p *worker.Options) {
		p.GitURL, p.Slots, p.Environ = nil, 2, []string{"GOCACHE=" + filepath.Join(p.Dir, "go-build")}
		if err := os.MkdirAll(filepath.Join(p.Dir, "go-build"), 0o700); err != nil {
			t.Fatal(err)
		}
		o = *p
	})
	credential, root := o.Client.Credential(), filepath.Dir(o.Dir)
	if text, err := os.ReadFile(filepath.Join(o.Hide[0], client.IdentityFile)); err != nil || !strings.Contains(string(text), credential) {
		t.Fatalf("the credential is not where the test thinks: %v", err)
	}
	w.write(map[string]string{"look.sh": `cd $1; grep -rsl '"creden[t]ial"' .; find . -name '*.json'; find . -maxdepth 3 ! -path './work/home/*' | sort
		echo x >$GOCACHE/x && echo x >$HOME/x && echo x >$TMPDIR/x && echo writes; exit 1`})
	w.push(manifestOf("", suite("", "sh look.sh "+root)))
	b := w.ended(1)
	_, lease, _ := strings.Cut(strings.TrimSpace(w.log(b.ID, b.Units[0].Lease)), "\n")
	want := ".\n./identity\n./work\n./work/go-build\n./work/home\n./work/mirrors\n./work/mirrors/shop.git\n./work/tmp\n./work/tmp/SLOT\n./work/work\n./work/work/shop-SLOT\nwrites"
	slot := "0"
	if strings.Contains(lease, "shop-1") {
		slot = "1"
	}
	if want = strings.ReplaceAll(want, "SLOT", slot); lease != want {
		t.Errorf("it finds\n%s\nand should find\n%s", lease, want)
	}
}

// What git would run for a command, it must not run for the worker: hooks and configuration of the checkout are the command's own.
func TestCommandsCannotHaveGitRunForThem(t *testing.T) {
	w := newWorld(t)
	var dir string
	w.worker("w1", mode(t, proc.Namespaces), func(o *worker.Options) { o.GitURL, dir = nil, o.Dir })
	stolen := filepath.Join(t.TempDir(), "stolen")
	if err := os.Chmod(filepath.Dir(stolen), 0o777); err != nil {
		t.Fatal(err)
	}
	plant := fmt.Sprintf(`printf '#!/bin/sh\nenv >>%[1]s\n' >"$TMPDIR/thief"; chmod +x "$TMPDIR/thief"; cp "$TMPDIR/thief" "$HOME/thief"
		for git in "$(git rev-parse --git-common-dir)" %[2]s/mirrors/shop.git; do
			mkdir -p $git/hooks; for hook in post-checkout reference-transaction post-index-change fsmonitor-watchman pre-auto-gc; do cp "$HOME/thief" $git/hooks/; cp "$HOME/thief" $git/hooks/$hook; done
			git config --file $git/config core.fsmonitor "$HOME/thief"; git config --file $git/config core.sshCommand "$HOME/thief"
			git config --file $git/config filter.thief.smudge "$HOME/thief"; git config --file $git/config http.proxy http://127.0.0.1:1
			git config --file $git/config url.http://127.0.0.1:1/.insteadOf http; mkdir -p $git/info; echo '* filter=thief' >$git/info/attributes
		done
		git config --file "$HOME/.gitconfig" core.hooksPath "$HOME"; cp "$HOME/thief" "$HOME/post-checkout"
		echo 'machine 127.0.0.1 login x password y' >"$HOME/.netrc"; true`, stolen, dir)
	w.write(map[string]string{"a.txt": "1"})
	w.push(manifestOf("", suite("", plant)))
	w.passed(1)
	w.write(map[string]string{"a.txt": "2"})
	w.push(manifestOf("", suite("", `test "$(cat a.txt)" = 2 && test ! -e .git/hooks && test -z "$(git config core.fsmonitor)"`)))
	w.passed(2)
	if text, err := os.ReadFile(stolen); err == nil {
		t.Errorf("the worker's git ran what a command had planted: %s", text)
	}
}

// Git works in a checkout as in any clone of one commit, and nothing of it stays for the next build.
func TestGitInACheckout(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	w.write(map[string]string{"a.txt": "1", "b/c.txt": "2"})
	work := `set -e; test -z "$(git status --porcelain)"; test "$(git rev-parse HEAD)" = "$(git log --format=%H)"; test "$(git show HEAD:a.txt)" = 1
		git fsck --connectivity-only; git diff --exit-code; git config user.name Test; git config user.email test@example.com
		echo 3 >a.txt; git add -A; git commit -qm change; git tag v1; git describe --tags; git checkout -q -b other; git stash list; git gc -q; echo untracked >new.txt`
	w.push(manifestOf("", suite("", work)))
	w.passed(1)
	w.push(manifestOf("", suite("", `set -e; test -z "$(git status --porcelain --ignored)"; test -z "$(git tag)"; test -z "$(git branch --list other)"; test "$(cat a.txt)" = 1`)))
	w.passed(2)
}

// daemon gives a command that leaves behind what no signal but SIGKILL ends, in a session of its own and child of nobody, and goes on once that is so.
func (w *world) daemon() (command string, there func() bool) {
	up := filepath.Join(w.t.TempDir(), "up")
	if err := os.Chmod(filepath.Dir(up), 0o777); err != nil {
		w.t.Fatal(err)
	}
	command = `setsid sh -c '(setsid sh -c "$1" "$2" &) & exit 0' sh 'trap "" TERM HUP INT QUIT; : >$0; while :; do sleep 1; done' ` + up + `; until [ -e ` + up + ` ]; do sleep 0.01; done; `
	return command, func() bool {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is right
		for _, file := range files {
			text, err := os.ReadFile(file) // that of a dead one is empty; the shells that begin the daemon end with the same word
			if err == nil && strings.HasPrefix(string(text), "sh\x00-c\x00trap ") && strings.HasSuffix(string(text), "\x00"+up+"\x00") {
				return true
			}
		}
		return false
	}
}

func TestNothingOutlivesItsTest(t *testing.T) {
	for _, isolation := range []proc.Isolation{proc.Namespaces, proc.Processes} {
		for name, c := range map[string]struct {
			then   string
			cancel bool
			state  build.State
		}{
			"ends":    {"true", false, build.Passed},
			"crashes": {"kill -SEGV $$", false, build.Failed},
			"hangs":   {"sleep 3600", false, build.Failed},
			"cancel":  {"trap '' TERM; sleep 3600", true, build.Cancelled},
		} {
			t.Run(string(isolation)+" "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.worker("w1", mode(t, isolation))
				command, there := w.daemon()
				s := suite("", command+c.then)
				if name == "hangs" {
					s.Timeout = manifest.Every(2 * time.Second)
				}
				w.push(manifestOf("", s))
				if c.cancel {
					w.wait("the daemon to begin", there)
					b, _ := w.nth(1)
					if err := w.Cancel(t.Context(), "person:ana", "shop", b.ID, "changed my mind"); err != nil {
						t.Fatal(err)
					}
					w.wait("the daemon to end", func() bool { return !there() })
				}
				if b := w.ended(1); b.State != c.state || there() {
					t.Errorf("the build is %s, the daemon lives: %v", b.State, there())
				}
			})
		}
	}
}

func TestNothingOutlivesAKilledWorker(t *testing.T) {
	w := newWorld(t)
	command, there := w.daemon()
	worker := w.process("w1")
	w.push(manifestOf("", suite("", command+"trap '' TERM; sleep 3600")))
	w.wait("the daemon to begin", there)
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	w.wait("the daemon to end", func() bool { return !there() })
}

// records is a log that a test reads while it is written.
type records struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func TestWorkerSaysWhatCommandsSee(t *testing.T) {
	for isolation, want := range map[proc.Isolation]string{proc.Processes: "as it was asked for", proc.Namespaces: "cannot see this agent's credentials"} {
		w := newWorld(t)
		var said records
		stop := w.worker("w1", mode(t, isolation), func(o *worker.Options) { o.Logger = slog.New(slog.NewTextHandler(&said, nil)) })
		w.push(manifestOf("", suite("", "true")))
		w.passed(1)
		stop()
		if strings.Count(said.String(), "credentials") != 1 || !strings.Contains(said.String(), want) {
			t.Errorf("%s: it says %s", isolation, said.String())
		}
	}
}

// TestAsOrdinaryUser runs the tests of this file, and some others, as a user that is not root.
func TestAsOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is one")
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "worker") // t.TempDir lies in a folder that is root's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // temporary
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.v", "-test.run=^(TestCommands|TestGitIn|TestNothing|TestWorkerKilled|TestWorkerSays|TestFromPush|TestSudo)")
	cmd.Dir, cmd.Env = dir, proc.Environ("HOME="+dir, "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "--- ") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

func TestSudoIsExplained(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root needs none; see TestAsOrdinaryUser")
	}
	w := newWorld(t)
	w.worker("w1", mode(t, proc.Namespaces))
	w.push(manifestOf("", suite("", "echo \"sudo: effective uid is not 0, is /usr/bin/sudo on a file system with the 'nosuid' option set?\"; exit 1")))
	b := w.ended(1)
	if !strings.Contains(b.Units[0].Output, "What a test can see") || !strings.Contains(w.log(b.ID, b.Units[0].Lease), "What a test can see") {
		t.Errorf("output %q", b.Units[0].Output)
	}
}
