package proc

import (
	"os"
	"os/exec"
	"syscall"
)

// guardScript leads a group, outlives the polite signals, and kills its own group when the pipe closes. "kill 0" can only ever mean its own.
const guardScript = `trap '' TERM INT HUP QUIT USR1 USR2; read -r forever; kill -KILL 0`

// guard is a group leader that ends its group when this program ends.
type guard struct {
	cmd  *exec.Cmd
	pipe *os.File
}

func startGuard() (*guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", "-c", guardScript) //nolint:noctx // it ends with the pipe
	cmd.Dir, cmd.Env, cmd.Stdin = "/", []string{}, r
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		closeAll([]*os.File{w})
		return nil, err
	}
	return &guard{cmd: cmd, pipe: w}, nil
}

func (g *guard) pid() int { return g.cmd.Process.Pid }

// end lets the guard kill what is left of the group, itself included, and reaps it.
func (g *guard) end() {
	closeAll([]*os.File{g.pipe})
	_ = g.cmd.Wait() // it always dies of its own signal
}
