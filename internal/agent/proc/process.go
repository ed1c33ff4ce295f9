package proc

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// gate waits for a line on descriptor 3 before it becomes the command. Without the line it ends.
const gate = `read -r go <&3 && exec 3<&- && exec /bin/sh -c "$1"`

// Process is a running command with its group.
type Process struct {
	id    Ident
	group int
	// cmd is nil for an adopted process, guard for one that is not tied, keeper for one that was not started below keepers. With a keeper, cmd is the keeper's.
	cmd    *exec.Cmd
	guard  *guard
	keeper *keeper
	hold   *held
	copied chan struct{}
	linger time.Duration
	watch  *exitWatch // nil with a keeper, which tells itself

	done     chan struct{}
	detached chan struct{}
	stop     chan time.Duration
	once     sync.Once
	exit     Exit
}

// Exit is how a command ended.
type Exit struct {
	// Known is false for an adopted process, whose status another parent got.
	Known bool
	// Code is the exit status, -1 when a signal ended it.
	Code int
	// Signal names the signal that ended it, empty where none did.
	Signal string
}

// String says it in words.
func (e Exit) String() string {
	switch {
	case !e.Known:
		return "ended"
	case e.Signal != "":
		return "ended by signal: " + e.Signal
	default:
		return fmt.Sprintf("exit status %d", e.Code)
	}
}

// Start starts the command in a group of its own. The caller must see it to Done, or Detach it.
func Start(s Spec) (*Process, error) {
	if s.Keepers != nil {
		return s.Keepers.start(s)
	}
	p := &Process{linger: s.Linger, done: make(chan struct{}), detached: make(chan struct{}), stop: make(chan time.Duration, 1)}
	attr := &syscall.SysProcAttr{Setpgid: true}
	if s.Tied {
		g, err := startGuard()
		if err != nil {
			return nil, fmt.Errorf("start the guard of a process group: %w", err)
		}
		p.guard, attr.Pgid = g, g.pid()
	}
	if err := p.launch(s, attr); err != nil {
		if p.guard != nil {
			p.guard.end()
		}
		return nil, err
	}
	go p.wait()
	return p, nil
}

func (p *Process) launch(s Spec, attr *syscall.SysProcAttr) (err error) {
	cmd := exec.Command("/bin/sh", "-c", s.Command) //nolint:noctx // it may outlive every context; Stop ends it
	cmd.Dir, cmd.Env, cmd.SysProcAttr = s.Dir, s.Env, attr
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would pass on everything
	}
	var theirs, ours []*os.File
	defer func() {
		closeAll(theirs)
		if err != nil {
			closeAll(ours)
		}
	}()
	pipe := func(ourEnd int) (pair [2]*os.File, err error) {
		if pair[0], pair[1], err = os.Pipe(); err == nil {
			ours, theirs = append(ours, pair[ourEnd]), append(theirs, pair[1-ourEnd])
		}
		return pair, err
	}
	if s.Held {
		pair, err := pipe(1)
		if err != nil {
			return fmt.Errorf("hold the command: %w", err)
		}
		cmd.Args = []string{"/bin/sh", "-c", gate, "sh", s.Command}
		cmd.ExtraFiles = []*os.File{pair[0]}
		p.hold = &held{pipe: pair[1]}
	}
	var from *os.File
	switch out := s.Output.(type) {
	case nil:
	case *os.File:
		cmd.Stdout, cmd.Stderr = out, out
	default:
		pair, err := pipe(0)
		if err != nil {
			return fmt.Errorf("open a pipe for the output: %w", err)
		}
		from, cmd.Stdout, cmd.Stderr = pair[0], pair[1], pair[1]
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the command: %w", err)
	}
	p.cmd, p.group = cmd, cmd.Process.Pid
	if p.guard != nil {
		p.group = p.guard.pid()
	}
	p.id = Ident{PID: cmd.Process.Pid, Group: p.group, Birth: birth(cmd.Process.Pid)}
	p.watch = watchExit(p.id)
	if from != nil {
		p.copyOutput(from, s.Output)
	}
	return nil
}

// copyOutput feeds the pipe to the writer until all of the group have closed it.
func (p *Process) copyOutput(from *os.File, to io.Writer) {
	p.copied = make(chan struct{})
	go func() {
		defer close(p.copied)
		defer from.Close()
		if _, err := io.Copy(to, from); err != nil {
			// The writer failed: go on reading, or the command would block for ever.
			_, _ = io.Copy(io.Discard, from)
		}
	}()
	go func() {
		<-p.done
		// A process that made a session of its own may still hold the pipe.
		select {
		case <-p.copied:
		case <-time.After(outputGrace):
			_ = from.SetReadDeadline(time.Unix(1, 0))
		}
	}()
}

// outputGrace is how long output may still come once the group is gone.
const outputGrace = time.Second

// ID is what to write down to adopt it later.
func (p *Process) ID() Ident { return p.id }

// Done is closed once the whole group is gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit is how the command ended. It is right after Done.
func (p *Process) Exit() Exit { return p.exit }

// Left reports whether something that the command started belongs to another user, could not be ended, and is there still. It is right after Done.
func (p *Process) Left() bool { return p.keeper != nil && p.keeper.last.Left && !p.keeper.closed }

// Drained waits for the last output to have reached the Output that was given. Call it after Done.
func (p *Process) Drained() {
	if p.copied != nil {
		<-p.copied
	}
}

// Release lets a Held command begin.
func (p *Process) Release() error {
	if p.hold == nil {
		return nil
	}
	return p.hold.release()
}

// Stop asks the group to end with SIGTERM and kills what is left of it after grace. It waits until the group is gone. A second call only shortens the grace.
func (p *Process) Stop(grace time.Duration) {
	p.Signal(grace)
	<-p.done
}

// Signal begins what Stop does, and does not wait.
func (p *Process) Signal(grace time.Duration) {
	select {
	case p.stop <- grace:
	default: // one is on its way already
	}
}

// Detach forgets the process and leaves it running. Its Done stays open.
func (p *Process) Detach() {
	p.once.Do(func() { close(p.detached) })
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close() // pipes: nothing is buffered, nothing can be lost
		}
	}
}
