package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopTime is how long a program may take to end by itself.
const stopTime = time.Minute

// process is a program under way.
type process struct {
	cmd *exec.Cmd
	out output
}

// output collects what a process prints while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start runs a program with this environment.
func start(env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...)}
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the terminal's ctrl-C is the tests' own
	p.cmd.WaitDelay = stopTime
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// end signals the program and waits until it is gone. How it exits is not looked at: it was told to.
func (p *process) end(how syscall.Signal) error {
	_ = p.cmd.Process.Signal(how) // gone already is as good
	return p.wait()
}

// interrupt is ctrl-C: the terminal tells the program and its children.
func (p *process) interrupt() error {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT) // gone already is as good
	return p.wait()
}

func (p *process) wait() error {
	late := time.AfterFunc(stopTime, func() { _ = p.cmd.Process.Kill() })
	err := p.cmd.Wait()
	if !late.Stop() {
		return fmt.Errorf("%s did not end within %s:\n%s", strings.Join(p.cmd.Args, " "), stopTime, &p.out)
	}
	if exit := new(exec.ExitError); errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}
