package proc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// KeeperCommand is the first argument of this program when it is a keeper, see KeeperMain.
const KeeperCommand = "keeper"

// KeeperProgram is the command line of a keeper of a program whose main calls KeeperMain for KeeperCommand. It is the program that runs, even when its file was replaced.
func KeeperProgram() []string { return []string{"/proc/self/exe", KeeperCommand} }

// KeeperOptions are what keepers have in common.
type KeeperOptions struct {
	// Program is the command line of a keeper, see KeeperProgram.
	Program []string
	// Isolation of the commands; empty means Auto.
	Isolation Isolation
	// View is tried at once, so that what the kernel refuses comes out before the first command.
	View View
	// Spare is how many keepers wait ready, so that a command need not wait for its keeper's start.
	Spare int
}

// Keepers start commands, each below a keeper of its own: a process of this program that sees to the end of all that comes of its command, whatever becomes of the command
// and of this program. Its methods may be called at once.
type Keepers struct {
	o       KeeperOptions
	walls   Walls
	refused error
	spares  chan *keeper
	ending  sync.WaitGroup // keepers that have said all
}

// OpenKeepers finds out what the kernel allows. Its error is errors.ErrUnsupported on a system without keepers.
func OpenKeepers(o KeeperOptions) (*Keepers, error) {
	if !keepersWork {
		return nil, errors.ErrUnsupported
	}
	if o.Isolation == "" {
		o.Isolation = Auto
	}
	k := &Keepers{o: o, spares: make(chan *keeper, o.Spare)}
	var tried []error
	for _, walls := range ladder(o.Isolation, os.Geteuid() == 0, isAdmin()) {
		k.walls = walls
		err := k.try()
		if err == nil {
			k.refused = errors.Join(tried...)
			for range o.Spare {
				k.refill()
			}
			return k, nil
		}
		tried = append(tried, fmt.Errorf("with namespaces of %s: %w", walls, err))
	}
	if len(tried) == 0 {
		return nil, errors.New("root without the right to arrange namespaces (CAP_SYS_ADMIN) cannot isolate commands")
	}
	return nil, fmt.Errorf("isolate commands: %w", errors.Join(tried...))
}

// try runs a command that does nothing.
func (k *Keepers) try() error {
	p, err := k.start(Spec{Command: ":", Dir: "/", View: k.o.View})
	if err != nil {
		return err
	}
	<-p.Done()
	if p.Exit() != (Exit{Known: true}) {
		return fmt.Errorf("a command that does nothing %s", p.Exit())
	}
	return nil
}

// Walls are what commands get.
func (k *Keepers) Walls() Walls { return k.walls }

// Refused says why they are not better, nil where they are the best there is.
func (k *Keepers) Refused() error { return k.refused }

// Close ends the keepers that wait. Those that have a command end with it.
func (k *Keepers) Close() {
	for {
		select {
		case spare := <-k.spares:
			spare.dismiss()
		default:
			k.ending.Wait()
			return
		}
	}
}

// start starts a command below a keeper.
func (k *Keepers) start(s Spec) (*Process, error) {
	e := errand{Command: s.Command, Dir: s.Dir, Env: s.Env, View: s.View, Walls: k.walls, User: os.Geteuid(), Group: os.Getegid()}
	kp, err := k.begin(e)
	if err != nil {
		return nil, err
	}
	p := &Process{keeper: kp, cmd: kp.cmd, group: kp.cmd.Process.Pid, done: make(chan struct{}), detached: make(chan struct{}), stop: make(chan time.Duration, 1)}
	p.id = Ident{PID: p.group, Group: p.group, Birth: birth(p.group)}
	out := s.Output
	if out == nil {
		out = io.Discard
	}
	p.copyOutput(kp.out, out)
	go p.wait()
	return p, nil
}

// begin gives the errand to a keeper, and has another one wait in its place.
func (k *Keepers) begin(e errand) (*keeper, error) {
	select {
	case spare := <-k.spares:
		err := spare.begin(e)
		k.refill()
		if !errors.Is(err, errKeeperGone) {
			return spare, err
		}
	default:
	}
	kp, err := k.spawn()
	if err != nil {
		return nil, err
	}
	return kp, kp.begin(e)
}

// refill has one more wait, if there is room. Without one the next command starts a little later.
func (k *Keepers) refill() {
	spare, err := k.spawn()
	if err != nil {
		return
	}
	select {
	case k.spares <- spare:
	default:
		spare.dismiss()
	}
}

// stubborn is how long a keeper has to end what was to be killed, before it is killed itself.
const stubborn = 10 * time.Second

// killBelow has the keeper kill all that is below it, and gives the time to do so again.
func (p *Process) killBelow() <-chan time.Time {
	k := p.keeper
	k.order(orderKill)
	_ = syscall.Kill(p.group, syscall.SIGCONT) // a command of the same user may have stopped it
	switch {
	case k.doomed.IsZero():
		k.doomed = time.Now()
	case time.Since(k.doomed) >= stubborn:
		_ = syscall.Kill(p.group, syscall.SIGKILL)
	}
	return time.After(stubborn)
}
