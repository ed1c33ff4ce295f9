package rig

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopTime is how long a process may take to end by itself.
const stopTime = 15 * time.Second

// Process is a program that was started, in a process group of its own.
type Process struct {
	Name string
	// Log is the file with its output.
	Log string
	// Began is the moment before it was started.
	Began time.Time
	cmd   *exec.Cmd
	gone  chan struct{}
}

// Start runs a program until Close, or its own Stop, ends it.
func (r *Rig) Start(name string, env []string, exe string, args ...string) (*Process, error) {
	p := &Process{Name: name, Log: r.Path(name + ".log"), gone: make(chan struct{})}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	defer log.Close()
	p.cmd = exec.Command(exe, args...)
	p.cmd.Dir = r.Dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { // ends with the process, which Stop waits for
		defer close(p.gone)
		_ = p.cmd.Wait() // how it ended is in its log
	}()
	r.procs = append(r.procs, p)
	return p, nil
}

// Stop interrupts the process as ctrl-C does, and waits for its end.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(os.Interrupt) // gone already is as good
	select {
	case <-p.gone:
	case <-time.After(stopTime):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // its group may be gone
		<-p.gone
	}
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended tells whether it is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// Memory gives the resident memory of the process now, and the most it ever had, in bytes.
func (p *Process) Memory() (now, most int64, err error) {
	if now, most, err = Memory(p.PID()); err != nil {
		err = fmt.Errorf("%s: %w", p.Name, err)
	}
	return now, most, err
}

// Written is how much the process has had written to disk so far, in bytes.
func (p *Process) Written() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("read what %s has written: %w", p.Name, err)
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			return strconv.ParseInt(strings.TrimSpace(n), 10, 64)
		}
	}
	return 0, fmt.Errorf("it is not told what %s has written", p.Name)
}

// Memory is the same of any process.
func Memory(pid int) (now, most int64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			now = kib << 10
		case "VmHWM":
			most = kib << 10
		}
	}
	if now == 0 {
		return 0, 0, fmt.Errorf("process %d has ended", pid)
	}
	return now, most, lines.Err()
}
