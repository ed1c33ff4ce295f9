package proc

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary play an agent that starts something and then dies.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == KeeperCommand {
		os.Exit(KeeperMain())
	}
	switch os.Getenv("PROC_TEST_AGENT") {
	case "tied":
		playAgent(Spec{Command: "sleep 600 & sleep 600", Env: Environ(), Tied: true})
	case "free":
		playAgent(Spec{Command: "sleep 600 & trap '' HUP; sleep 600; true", Env: Environ()})
	case "held":
		playAgent(Spec{Command: "touch " + os.Getenv("PROC_TEST_FILE"), Env: Environ(), Held: true})
	case "kept":
		playKept()
	case "walls":
		playWalls()
	default:
		os.Exit(m.Run())
	}
}

func playAgent(s Spec) {
	p, err := Start(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(p.ID()); err != nil {
		os.Exit(1)
	}
	<-p.Done()
}

// killedAgent starts an agent in the given part, waits until its command runs, and kills it with SIGKILL.
func killedAgent(t *testing.T, part string, env ...string) Ident {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(Environ(env...), "PROC_TEST_AGENT="+part)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the agent said %q: %v", line, err)
	}
	var id Ident
	if err := json.Unmarshal(line, &id); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return id
}

// until polls for what must become true; the test's own deadline is the limit.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func start(t *testing.T, s Spec) *Process {
	t.Helper()
	if s.Env == nil {
		s.Env = Environ()
	}
	p, err := Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(0) })
	return p
}

func exists(path string) func() bool {
	return func() bool { _, err := os.Stat(path); return err == nil }
}

func TestExit(t *testing.T) {
	for command, want := range map[string]Exit{
		"true":           {Known: true},
		"exit 7":         {Known: true, Code: 7},
		"kill -SEGV $$":  {Known: true, Code: -1, Signal: "segmentation fault"},
		"no-such-thing1": {Known: true, Code: 127},
	} {
		for _, tied := range []bool{false, true} {
			p := start(t, Spec{Command: command, Tied: tied})
			<-p.Done()
			if p.Exit() != want {
				t.Errorf("%q (tied %v): %+v, want %+v", command, tied, p.Exit(), want)
			}
		}
	}
	if _, err := Start(Spec{Command: "true", Dir: "/no/such/folder"}); err == nil {
		t.Error("started in a folder that is not there")
	}
}

func TestEnvironmentIsWhatWasGiven(t *testing.T) {
	t.Setenv("SLIPWAY_TOKEN", "secret")
	t.Setenv("HOME", "/home/of/agent")
	out := NewTail(1 << 16)
	p := start(t, Spec{Command: "env", Env: Environ("PORT=80", "HOME=/mine", "broken"), Output: out})
	<-p.Done()
	p.Drained()
	got := strings.Fields(out.String())
	if !slices.Contains(got, "PORT=80") || !slices.Contains(got, "HOME=/mine") || strings.Contains(out.String(), "secret") {
		t.Errorf("environment %v", got)
	}
	for _, entry := range got {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.Contains([]string{"PATH", "HOME", "TMPDIR", "LANG", "PORT", "PWD", "OLDPWD", "SHLVL", "_"}, name) {
			t.Errorf("%s was passed on", entry)
		}
	}
	empty := NewTail(1 << 16)
	p, err := Start(Spec{Command: "/usr/bin/env", Output: empty})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	p.Drained()
	if strings.Contains(empty.String(), "SLIPWAY") {
		t.Errorf("without an environment it got %q", empty)
	}
}

func TestStopKillsWhoeverIgnoresIt(t *testing.T) {
	for _, tied := range []bool{false, true} {
		dir := t.TempDir()
		p := start(t, Spec{Dir: dir, Tied: tied,
			Command: `trap '' TERM; sh -c 'trap "" TERM; echo $$ >grandchild; while :; do sleep 1; done' & while :; do sleep 1; done`})
		until(t, "the grandchild runs", func() bool { b, _ := os.ReadFile(filepath.Join(dir, "grandchild")); return len(b) > 1 })
		p.Stop(20 * time.Millisecond)
		if populated(p.group, 0) {
			t.Errorf("tied %v: somebody of the group is left", tied)
		}
		if p.Exit().Signal != "killed" {
			t.Errorf("tied %v: %v", tied, p.Exit())
		}
		p.Stop(time.Hour) // again, at once
	}
}

// The shell dies of SIGTERM at once; what it started drains. That must not be cut short.
func TestStopWaitsForTheGroupAndNotOnlyItsLeader(t *testing.T) {
	dir := t.TempDir()
	p := start(t, Spec{Dir: dir, Command: `sh -c 'trap "sleep 0.1; touch drained; exit 0" TERM; touch ready; while :; do sleep 0.01; done'; true`})
	until(t, "it is ready", exists(filepath.Join(dir, "ready")))
	p.Stop(time.Minute)
	if !exists(filepath.Join(dir, "drained"))() {
		t.Error("killed before it had drained")
	}
}

func TestStragglersEndWithTheCommand(t *testing.T) {
	for _, tied := range []bool{false, true} {
		p := start(t, Spec{Command: "sleep 600 & exit 3", Tied: tied})
		<-p.Done()
		if populated(p.group, 0) || p.Exit().Code != 3 {
			t.Errorf("tied %v: populated %v, %v", tied, populated(p.group, 0), p.Exit())
		}
	}
}

func TestOutputOfAnEscapedProcessIsNotWaitedForForEver(t *testing.T) {
	out := NewTail(1 << 10)
	pid := filepath.Join(t.TempDir(), "pid")
	p := start(t, Spec{Tied: true, Output: out, Command: "setsid sh -c 'echo $$ >" + pid + "; exec sleep 600' & while ! [ -s " + pid + " ]; do :; done; echo hello"})
	<-p.Done()
	p.Drained()
	if out.String() != "hello\n" {
		t.Errorf("output %q", out)
	}
	var escaped int
	b, _ := os.ReadFile(pid)
	if _, err := fmt.Sscan(string(b), &escaped); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(escaped, syscall.SIGKILL)
}

func TestTiedDiesWithItsAgent(t *testing.T) {
	id := killedAgent(t, "tied")
	until(t, "the group is gone", func() bool { return !populated(id.Group, 0) })
}

func TestFreeOutlivesItsAgentAndIsAdopted(t *testing.T) {
	id := killedAgent(t, "free")
	p, ok := Adopt(id, 0)
	if !ok {
		t.Fatal("it did not outlive its agent")
	}
	p.Stop(time.Minute)
	if populated(id.Group, 0) || p.Exit().Known {
		t.Errorf("populated %v, %v", populated(id.Group, 0), p.Exit())
	}
	if _, ok := Adopt(id, 0); ok {
		t.Error("adopted a dead process")
	}
	other := Ident{PID: os.Getpid(), Group: id.Group, Birth: id.Birth}
	if _, ok := Adopt(other, 0); ok {
		t.Error("adopted another process with the same number")
	}
}

func TestHeldStartsOnlyWhenReleased(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ran")
	id := killedAgent(t, "held", "PROC_TEST_FILE="+file)
	until(t, "the held command is gone", func() bool { return !id.Alive() })
	if exists(file)() {
		t.Error("it ran although it was never released")
	}
	p := start(t, Spec{Command: "touch " + file + "; exit 5", Held: true})
	if !p.ID().Alive() {
		t.Error("a held command has no birth")
	}
	if err := p.Release(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if !exists(file)() || p.Exit().Code != 5 {
		t.Errorf("released: ran %v, %v", exists(file)(), p.Exit())
	}
	q := start(t, Spec{Command: "touch never", Held: true})
	q.Stop(time.Minute)
}

func TestDetachLeavesItRunning(t *testing.T) {
	p := start(t, Spec{Command: "sleep 600"})
	p.Detach()
	p.Detach()
	again, ok := Adopt(p.ID(), 0)
	if !ok {
		t.Fatal("gone after Detach")
	}
	again.Stop(0)
	_ = p.cmd.Wait()
	close(p.done) // for the clean-up of start: nobody watches it any more
}

func TestTail(t *testing.T) {
	tail := NewTail(10)
	for _, s := range []string{"first line\n", "second\n", "é\xff\x00\n"} {
		if _, err := tail.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := tail.String(), "é��\n"; got != want && got != "cond\n"+want {
		t.Errorf("tail %q", got)
	}
	path := filepath.Join(t.TempDir(), "log")
	if got, err := TailOf(path, 10); got != "" || err != nil {
		t.Errorf("TailOf(missing) = %q, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("0123456789\nend of it\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := TailOf(path, 12); got != "end of it\n" || err != nil {
		t.Errorf("TailOf = %q, %v", got, err)
	}
}
