package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/slipwayhq/slipway/internal/journal"
)

// childVariable makes this test binary play one of children(), on the log in folderVariable, instead of testing.
const (
	childVariable  = "SLIPWAY_JOURNAL_CHILD"
	folderVariable = "SLIPWAY_JOURNAL_DIR"
	roundVariable  = "SLIPWAY_JOURNAL_ROUND"
)

func children() map[string]func() int {
	return map[string]func() int{"append": appendForEver, "full": appendUntilFull}
}

// opened opens the child's log and runs it; the child ends with its process.
func opened() (*journal.Journal, error) {
	j, err := journal.Open(context.Background(), journal.Options{Dir: os.Getenv(folderVariable)})
	if err != nil {
		return nil, err
	}
	go func() { _ = j.Run(context.Background()) }()
	return j, nil
}

// appendForEver appends from eight sides and prints what was acknowledged, a line each, until it is killed.
func appendForEver() int {
	j, err := opened()
	if err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%s/%d/%d", os.Getenv(roundVariable), w, i)
				if err := j.Append(context.Background(), "edge", []byte(key)); err != nil {
					fmt.Println("failed:", err)
					return
				}
				_, _ = os.Stdout.WriteString(key + "\n") // one write, one line
			}
		})
	}
	wg.Wait()
	return 1
}

// appendUntilFull may write files of 1 MiB at most, which is how a full disk looks, and says how an append failed.
func appendUntilFull() int {
	signal.Ignore(syscall.SIGXFSZ)
	j, err := opened()
	if err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	for i := range 400 {
		key := fmt.Sprint(i)
		if err := j.Append(context.Background(), "edge", append([]byte(key+" "), make([]byte, 16<<10)...)); err != nil {
			fmt.Println("full:", err)
			return 0
		}
		fmt.Println(key)
	}
	fmt.Println("failed: the disk was never full")
	return 1
}

// child starts this binary as a child on the folder.
func child(t *testing.T, name, dir string, round int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+name, folderVariable+"="+dir, fmt.Sprintf("%s=%d", roundVariable, round))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// TestKilledLogKeepsWhatItAcknowledged kills a process that appends, several times on the same folder.
func TestKilledLogKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 4 {
		cmd, lines := child(t, "append", dir, round)
		for n := 0; lines.Scan(); n++ {
			if strings.HasPrefix(lines.Text(), "failed") {
				t.Fatal(lines.Text())
			}
			acknowledged[lines.Text()] = true
			if n == 40*(round+1)+round*7 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // killed
	}
	if len(acknowledged) < 400 {
		t.Fatalf("only %d messages were acknowledged before the kills", len(acknowledged))
	}
	holds(t, dir, acknowledged)
}

// holds checks that each message is in the log, once.
func holds(t *testing.T, dir string, keys map[string]bool) {
	t.Helper()
	j := open(t, journal.Options{Dir: dir})
	if err := j.Append(t.Context(), "edge", []byte("end")); err != nil {
		t.Fatalf("append to the reopened log: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	times := map[string]int{}
	err := j.ReadTelemetry(ctx, "edge", 0, func(m journal.Telemetry) error {
		key, _, _ := strings.Cut(string(m.Data), " ")
		if times[key]++; key == "end" {
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if times["end"] != 1 {
		t.Fatal("the end did not come")
	}
	for key := range keys {
		if times[key] != 1 {
			t.Errorf("%s was acknowledged and is in the log %d times", key, times[key])
		}
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel() // it waits for a server that says nothing
	dir := t.TempDir()
	cmd, lines := child(t, "full", dir, 0)
	acknowledged, told := map[string]bool{}, ""
	for lines.Scan() {
		if line := lines.Text(); strings.HasPrefix(line, "full") || strings.HasPrefix(line, "failed") {
			told = line
		} else {
			acknowledged[line] = true
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the child: %v", err)
	}
	if !strings.HasPrefix(told, "full: write 1 messages to the log: no answer, is the disk full?") {
		t.Errorf("it said %q", told)
	}
	if len(acknowledged) == 0 {
		t.Error("nothing was written before the disk was full")
	}
	t.Logf("%d messages, then %s", len(acknowledged), told)
	holds(t, dir, acknowledged)
}
