package proc

import (
	"net"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestUseIsOfAllThatCameOfACommand: a child in the group, one in a session of its own, and what a child used that has ended.
func TestUseIsOfAllThatCameOfACommand(t *testing.T) {
	spin := `i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done`
	p, err := Start(Spec{Command: `sh -c '` + spin + `'; sleep 60 & setsid sleep 60 & echo; sleep 60`, Dir: t.TempDir(), Env: Environ()})
	if err != nil {
		t.Fatal(err)
	}
	other, err := Start(Spec{Command: "exec sleep 60", Dir: t.TempDir(), Env: Environ()})
	if err != nil {
		t.Fatal(err)
	}
	var got []Usage
	defer func() {
		for _, u := range got { // the one in a session of its own is nobody's
			for _, pid := range u.PIDs {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		p.Stop(0)
		other.Stop(0)
	}()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got = Use([]Ident{p.ID(), other.ID()}); len(got[0].PIDs) == 4 && len(got[1].PIDs) == 1 && commandOf(got[1].PIDs[0]) == "sleep" {
			break
		}
	}
	if len(got) != 2 || len(got[0].PIDs) != 4 || len(got[1].PIDs) != 1 {
		t.Fatalf("used is %+v, want 4 processes and 1", got)
	}
	if got[0].CPU == 0 || got[0].CPU <= got[1].CPU {
		t.Errorf("the child that has ended used nothing: %+v", got)
	}
	if got[0].Memory < 4*4096 || got[1].Memory <= 0 || got[1].Memory > 1<<30 {
		t.Errorf("memory of %+v", got)
	}
	if again := Use([]Ident{other.ID()}); !slices.Equal(again[0].PIDs, got[1].PIDs) {
		t.Errorf("the other is %v, then %v", got[1].PIDs, again[0].PIDs)
	}
}

func commandOf(pid int) string {
	data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if len(data) == 0 {
		return ""
	}
	return string(data[:len(data)-1])
}

func TestSocketsOfAProcess(t *testing.T) {
	before := Sockets(os.Getpid())
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var fresh []uint64
	for _, inode := range Sockets(os.Getpid()) {
		if !slices.Contains(before, inode) {
			fresh = append(fresh, inode)
		}
	}
	if len(fresh) == 0 { // the first socket of a program brings an epoll descriptor, which is none
		t.Error("a socket that is open is not found")
	}
	if got := Sockets(1 << 30); got != nil {
		t.Errorf("nobody has %v", got)
	}
}
