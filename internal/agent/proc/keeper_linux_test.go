package proc

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The tests named TestKept run as the user that runs them, and once more as others, see TestKeptAsOrdinaryUser.

// isolations calls fn with keepers of each kind that the kernel allows.
func isolations(t *testing.T, view View, fn func(t *testing.T, k *Keepers)) {
	t.Helper()
	for _, kind := range []Isolation{Namespaces, Processes} {
		t.Run(string(kind), func(t *testing.T) { fn(t, openKeepers(t, kind, view)) })
	}
}

func openKeepers(t *testing.T, kind Isolation, view View) *Keepers {
	t.Helper()
	k, err := OpenKeepers(KeeperOptions{Program: KeeperProgram(), Isolation: kind, View: view, Spare: 1})
	if err != nil && kind == Namespaces && os.Getenv(expectWalls) == "" {
		t.Skipf("the kernel refuses: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// daemon gives a command that leaves behind what no signal but SIGKILL ends, in a session of its own and child of nobody, and goes on once that is so. It can be found on
// the whole machine.
func daemon() (command string, there func() bool) {
	mark := rand.Text()
	command = `setsid sh -c '(setsid sh -c "$1" "$2" "$3" &) & exit 0' sh 'trap "" TERM HUP INT QUIT; : >$0; while :; do sleep 1; done' up-` + mark + ` ` + mark +
		`; until [ -e up-` + mark + ` ]; do sleep 0.01; done; `
	return command, func() bool { return running(mark) }
}

// running looks for what has mark as its last argument in all that the machine runs.
func running(mark string) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is right
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.HasSuffix(string(text), "\x00"+mark+"\x00") { // that of a dead one is empty
			return true
		}
	}
	return false
}

func TestKeptLeavesNothing(t *testing.T) {
	isolations(t, View{}, func(t *testing.T, k *Keepers) {
		for name, c := range map[string]struct {
			then string
			stop bool
			want Exit
		}{
			"ends":     {"exit 3", false, Exit{Known: true, Code: 3}},
			"crashes":  {"kill -SEGV $$", false, Exit{Known: true, Code: -1, Signal: "segmentation fault"}},
			"cancel":   {"touch ready; exec sleep 3600", true, Exit{Known: true, Code: -1, Signal: "terminated"}},
			"stubborn": {"trap '' TERM; touch ready; while :; do sleep 1; done", true, Exit{Known: true, Code: -1, Signal: "killed"}},
		} {
			t.Run(name, func(t *testing.T) {
				command, there := daemon()
				dir := t.TempDir()
				p := start(t, Spec{Keepers: k, Dir: dir, Command: command + c.then})
				if c.stop {
					until(t, "the command runs", exists(filepath.Join(dir, "ready")))
					if !there() {
						t.Error("there is no daemon to end")
					}
					p.Stop(20 * time.Millisecond)
				}
				<-p.Done()
				if there() {
					t.Error("the daemon outlived its command")
				}
				if p.Exit() != c.want {
					t.Errorf("exit %+v, want %+v", p.Exit(), c.want)
				}
			})
		}
	})
}

// What ends politely is given the time for it, wherever it went.
func TestKeptMayDrain(t *testing.T) {
	isolations(t, View{}, func(t *testing.T, k *Keepers) {
		dir := t.TempDir()
		p := start(t, Spec{Keepers: k, Dir: dir, Command: `setsid sh -c 'trap "sleep 0.1; touch drained; exit 0" TERM; touch ready; while :; do sleep 0.01; done' & exec sleep 3600`})
		until(t, "it is ready", exists(filepath.Join(dir, "ready")))
		p.Stop(time.Minute)
		if !exists(filepath.Join(dir, "drained"))() {
			t.Error("killed before it had drained")
		}
	})
}

func TestKeptEndsWithItsAgent(t *testing.T) {
	isolations(t, View{}, func(t *testing.T, k *Keepers) {
		command, there := daemon()
		agent := exec.Command("/proc/self/exe")
		agent.Env = append(Environ(), "PROC_TEST_AGENT=kept", "PROC_TEST_ISOLATION="+string(k.o.Isolation), "PROC_TEST_COMMAND="+command+"exec sleep 3600", "PROC_TEST_FOLDER="+t.TempDir())
		out, err := agent.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := agent.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadBytes('\n'); err != nil {
			t.Error(err)
		}
		until(t, "the daemon runs", there)
		if err := agent.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = agent.Wait() // of the signal
		until(t, "the daemon is gone", func() bool { return !there() })
	})
}

// What a command started as somebody else (by sudo, here by a program of root's) is not waited for for ever. In a namespace it ends all the same.
func TestKeptLeavesWhatIsNotItsOwn(t *testing.T) {
	setuid := os.Getenv(rootsProgram)
	if setuid == "" {
		t.Skip("run by TestKeptAsOrdinaryUser")
	}
	isolations(t, View{}, func(t *testing.T, k *Keepers) {
		if k.Walls().Users {
			t.Skip("there is nobody else in a namespace of users")
		}
		dir := t.TempDir()
		p := start(t, Spec{Keepers: k, Dir: dir, Command: setuid + ` --reuid 0 --regid 0 --clear-groups sh -c 'echo $PPID >ready; id -u; exec sleep 3' & until [ -s ready ]; do sleep 0.01; done; exit 6`})
		<-p.Done()
		if p.Left() == k.Walls().PIDs || p.Exit().Code != 6 {
			t.Errorf("left %v, exit %+v", p.Left(), p.Exit())
		}
	})
}

// A command of the same user can stop its keeper, where it sees it.
func TestKeptStopsItsKeeper(t *testing.T) {
	k := openKeepers(t, Processes, View{})
	command, there := daemon()
	dir := t.TempDir()
	p := start(t, Spec{Keepers: k, Dir: dir, Command: command + "kill -STOP $PPID; touch ready; exec sleep 3600"})
	until(t, "the keeper is stopped", exists(filepath.Join(dir, "ready")))
	p.Stop(0)
	if there() {
		t.Error("the daemon outlived its command")
	}
}

func TestKeptStartsWithoutItsSpare(t *testing.T) {
	isolations(t, View{}, func(t *testing.T, k *Keepers) {
		spare := <-k.spares
		if err := spare.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		k.spares <- spare
		for range 3 {
			p := start(t, Spec{Keepers: k, Dir: "/", Command: "exit 5"})
			<-p.Done()
			if p.Exit().Code != 5 {
				t.Errorf("%+v", p.Exit())
			}
		}
		if _, err := Start(Spec{Keepers: k, Dir: "/no/such/folder", Command: "true"}); err == nil || !strings.Contains(err.Error(), "/no/such/folder") {
			t.Errorf("started in a folder that is not there: %v", err)
		}
	})
}

// say runs a command and gives what it prints.
func say(t *testing.T, s Spec) string {
	t.Helper()
	out := NewTail(1 << 16)
	s.Output = out
	if s.Dir == "" {
		s.Dir = "/"
	}
	p := start(t, s)
	<-p.Done()
	p.Drained()
	return strings.TrimSpace(out.String())
}

func TestKeptIsWhoItWas(t *testing.T) {
	isolations(t, View{}, func(t *testing.T, k *Keepers) {
		dir := t.TempDir()
		got := say(t, Spec{Keepers: k, Dir: dir, Env: Environ("COLOUR=green"), Command: `id -u; id -g; echo $COLOUR; touch file; test -O file && echo mine; ls /proc/self/fd | wc -l; ulimit -n;
			(exec </dev/tty) 2>/dev/null || echo no terminal; pwd`})
		want := fmt.Sprintf("%d\n%d\ngreen\nmine\n4\n%s\nno terminal\n%s", os.Geteuid(), os.Getegid(), say(t, Spec{Command: "ulimit -n"}), dir)
		if got != want {
			t.Errorf("it says\n%s\nand should say\n%s", got, want)
		}
		var stat syscall.Stat_t
		if err := syscall.Stat(filepath.Join(dir, "file"), &stat); err != nil || int(stat.Uid) != os.Geteuid() || int(stat.Gid) != os.Getegid() {
			t.Errorf("the file is %d's, %v", stat.Uid, err)
		}
		// Root stays what it was; nobody else is given anything.
		if got, want := say(t, Spec{Keepers: k, Command: "grep CapEff /proc/self/status"}), say(t, Spec{Command: "grep CapEff /proc/self/status"}); os.Geteuid() == 0 && got != want ||
			os.Geteuid() != 0 && !strings.HasSuffix(got, "\t0000000000000000") {
			t.Errorf("rights %s, without a keeper %s", got, want)
		}
	})
}

func TestKeptSeesNoOtherProcess(t *testing.T) {
	k := openKeepers(t, Namespaces, View{})
	if !k.Walls().PIDs {
		t.Skip("the kernel refuses: ", k.Refused())
	}
	look := Spec{Keepers: k, Command: fmt.Sprintf("ls /proc | grep -x '[0-9]*' | wc -l; kill -0 %d || echo cannot; kill -KILL 1; echo $$; test -r /proc/1/environ && cat /proc/1/environ", os.Getpid())}
	first, second := strings.Fields(say(t, look)), strings.Fields(say(t, look))
	if n, err := strconv.Atoi(first[0]); err != nil || n > 5 {
		t.Errorf("it sees %s processes", first[0])
	}
	if !strings.Contains(strings.Join(first, " "), "cannot") {
		t.Errorf("it can signal the agent: %q", first)
	}
	if first[len(first)-1] == second[len(second)-1] && exists("/proc/sys/kernel/ns_last_pid")() {
		t.Errorf("two commands had the number %s", first[len(first)-1])
	}
}

// tree makes folders as an agent has them.
func tree(t *testing.T) (dir string, view View) {
	t.Helper()
	dir = t.TempDir()
	for _, file := range []string{"secret/credential", "secret/.tmp-1", "work/mirror/objects/x", "work/mirror/config", "work/slot/.keep", "work/slot-2/other", "work/settings.pem"} {
		path := filepath.Join(dir, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("hunter2\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	return dir, View{Hide: []string{in("secret"), in("work")}, Keep: []string{in("work/slot"), in("work/settings.pem")}, Read: []string{in("work/mirror/objects")}}
}

func TestKeptSeesWhatItNeeds(t *testing.T) {
	dir, view := tree(t)
	k := openKeepers(t, Namespaces, view)
	got := say(t, Spec{Keepers: k, Dir: filepath.Join(dir, "work/slot"), View: view, Command: `
		cd ` + dir + `; find . ! -type d | sort; echo made >work/slot/new; cat work/settings.pem
		for f in secret/x work/x work/mirror/objects/y work/mirror/x; do (echo x >$f) 2>/dev/null && echo wrote $f; done
		for d in secret work work/slot; do mv $d $d-away 2>/dev/null && echo moved $d; rmdir $d 2>/dev/null && echo removed $d; done
		ln -s slot work/link 2>/dev/null && echo linked; exit 0`})
	if want := "./work/mirror/objects/x\n./work/settings.pem\n./work/slot/.keep\nhunter2"; got != want {
		t.Errorf("it sees\n%s\nand should see\n%s", got, want)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "work/slot/new")); err != nil || string(text) != "made\n" {
		t.Errorf("what it made holds %q, %v", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "secret/credential")); err != nil || string(text) != "hunter2\n" {
		t.Errorf("the agent itself sees %q, %v", text, err)
	}
}

// Who is not root cannot take away what hides the folders, not even in namespaces of its own, which it may have.
func TestKeptCannotUncover(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can; see TestKeptAsOrdinaryUser")
	}
	dir, view := tree(t)
	k := openKeepers(t, Namespaces, view)
	peek := fmt.Sprintf("umount %[1]s/secret 2>/dev/null; umount -l /proc 2>/dev/null; cat %[1]s/secret/credential 2>/dev/null", dir)
	got := say(t, Spec{Keepers: k, View: view, Command: fmt.Sprintf(`%[1]s; unshare -Urm sh -c '%[1]s'; unshare -Urmpf sh -c '%[1]s'; nsenter -t 1 -m -U true 2>/dev/null && echo entered
		cat /proc/*/root%[2]s/secret/credential /proc/*/cwd/secret/credential 2>/dev/null; unshare -U true && echo may have its own; exit 0`, peek, dir)})
	if got != "may have its own" {
		t.Errorf("it says %q", got)
	}
}

func TestKeptOpensNothingWhereItCannotHide(t *testing.T) {
	view := View{Hide: []string{filepath.Join(t.TempDir(), "not there")}}
	if k, err := OpenKeepers(KeeperOptions{Program: KeeperProgram(), Isolation: Namespaces, View: view}); err == nil {
		k.Close()
		t.Error("it claims to hide what is not there")
	}
	k := openKeepers(t, Auto, view)
	if k.Walls() != (Walls{}) || k.Refused() == nil {
		t.Errorf("walls %s, refused %v", k.Walls(), k.Refused())
	}
}

func TestRightsAreKeptFromChildren(t *testing.T) {
	if os.Getenv(expectWalls) != "mounts, processes" {
		t.Skip("run by TestKeptAsOrdinaryUser")
	}
	const ask = "grep CapAmb /proc/self/status"
	if before := say(t, Spec{Command: ask}); strings.HasSuffix(before, "\t0000000000000000") {
		t.Fatalf("nothing to keep: %s", before)
	}
	KeepRights()
	if after := say(t, Spec{Command: ask}); !strings.HasSuffix(after, "\t0000000000000000") {
		t.Skipf("a program with C in it cannot: %s", after)
	}
	if walls := openKeepers(t, Namespaces, View{}).Walls().String(); walls != "mounts, processes" {
		t.Errorf("and itself has walls %s", walls)
	}
}

// rootsProgram is a program that runs as root whoever starts it: a copy of setpriv.
const rootsProgram = "PROC_TEST_SETUID"

// makeRootsProgram makes it in a folder, unless the file system or the machine has no such thing.
func makeRootsProgram(dir string) string {
	path := filepath.Join(dir, "setpriv")
	found, err := exec.LookPath("setpriv")
	if err != nil {
		return ""
	}
	text, err := os.ReadFile(found)
	if err = errors.Join(err, os.WriteFile(path, text, 0o755), os.Chmod(path, 0o755|os.ModeSetuid)); err != nil {
		return ""
	}
	return path
}

// expectWalls names the walls that a run as another user must be able to build.
const expectWalls = "PROC_TEST_WALLS"

// TestKeptAsOrdinaryUser runs the tests above as a user that is not root, and as one that has only the right to arrange namespaces.
func TestKeptAsOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is one")
	}
	const nobody = 65534
	for name, rights := range map[string][]uintptr{"users, mounts, processes": nil, "mounts, processes": {unix.CAP_SYS_ADMIN}} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "kept") // t.TempDir lies in a folder that is root's alone
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) }) // temporary
			if err := os.Chown(dir, nobody, nobody); err != nil {
				t.Fatal(err)
			}
			setuid := makeRootsProgram(dir)
			run := func(env string, args ...string) (string, error) {
				cmd := exec.Command("/proc/self/exe", args...)
				cmd.Dir, cmd.Env = dir, append(Environ("HOME="+dir, "TMPDIR="+dir, rootsProgram+"="+setuid), env)
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, AmbientCaps: rights}
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			walls := expectWalls + "=" + name
			if out, err := run("PROC_TEST_AGENT=walls"); err != nil || strings.TrimSpace(out) != name {
				t.Logf("the kernel gives an ordinary user %s (%v): namespaces are not tested", strings.TrimSpace(out), err)
				walls = "NONE="
			}
			out, err := run(walls, "-test.run=^(TestKept|TestRights)", "-test.v")
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			t.Log(strings.Join(verdicts(out), "\n"))
		})
	}
}

// verdicts are the lines that say how tests ended.
func verdicts(out string) (lines []string) {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "--- ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// playWalls prints what an agent's commands would get.
func playWalls() {
	k, err := OpenKeepers(KeeperOptions{Program: KeeperProgram()})
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = fmt.Fprintln(os.Stdout, k.Walls())
	k.Close()
	os.Exit(0)
}

// playKept is an agent with a command below a keeper.
func playKept() {
	k, err := OpenKeepers(KeeperOptions{Program: KeeperProgram(), Isolation: Isolation(os.Getenv("PROC_TEST_ISOLATION")), Spare: 1})
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	playAgent(Spec{Keepers: k, Dir: os.Getenv("PROC_TEST_FOLDER"), Command: os.Getenv("PROC_TEST_COMMAND"), Env: Environ(), Output: io.Discard})
}
