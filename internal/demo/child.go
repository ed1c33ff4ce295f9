package demo

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopTime is how long a child may take to end by itself.
const stopTime = 8 * time.Second

// children are the processes that the demo started.
type children struct {
	exe, logs string

	mu   sync.Mutex
	all  []*child
	ends bool
}

type child struct {
	name string
	cmd  *exec.Cmd
	log  *os.File
	gone chan struct{}
}

// start runs this program again. Its output goes to a file of its own; in a process group of its own, it does not hear the terminal's ctrl-C.
func (c *children) start(name string, env []string, args ...string) error {
	if err := os.MkdirAll(c.logs, 0o700); err != nil {
		return fmt.Errorf("make the folder for logs: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(c.logs, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", name, err)
	}
	cmd := exec.Command(c.exe, args...) //nolint:noctx // our own program, which stop ends
	cmd.Env = append(withoutOurs(os.Environ()), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	k := &child{name: name, cmd: cmd, log: log, gone: make(chan struct{})}
	go func() { // ends with the process, which stop waits for
		defer close(k.gone)
		_ = cmd.Wait() // how it ended is in its log
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, k)
	return nil
}

// withoutOurs drops the variables of this program, SLIPWAY_CONFIG among them: they are meant for a server or an agent of the user's own.
func withoutOurs(environ []string) []string {
	return slices.DeleteFunc(environ, func(v string) bool { return strings.HasPrefix(v, "SLIPWAY_") })
}

// dead names the children that ended though nobody told them to.
func (c *children) dead() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, k := range c.all {
		select {
		case <-k.gone:
			if !c.ends {
				names = append(names, k.name)
			}
		default:
		}
	}
	return names
}

// stop tells all to end, makes those that do not, and waits until all are gone.
func (c *children) stop() {
	c.mu.Lock()
	c.ends = true
	all := c.all
	c.mu.Unlock()
	for _, k := range all {
		_ = k.cmd.Process.Signal(syscall.SIGTERM) // gone already is as good
	}
	late := time.After(stopTime)
	for _, k := range all {
		select {
		case <-k.gone:
		case <-late:
			late = time.After(0)
			_ = k.cmd.Process.Kill()
			<-k.gone
		}
		_ = k.log.Close() // the child wrote it
	}
}
