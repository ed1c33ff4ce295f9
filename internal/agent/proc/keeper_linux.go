package proc

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// keepersWork says that a process can be made the parent of all that comes of another.
const keepersWork = true

// attr makes a keeper with namespaces of its own. Its session is its own as well: no command reads from the terminal that the agent was started at.
func (w Walls) attr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	for _, wall := range []struct {
		up   bool
		flag uintptr
	}{{w.Users, syscall.CLONE_NEWUSER}, {w.Mounts, syscall.CLONE_NEWNS}, {w.PIDs, syscall.CLONE_NEWPID}} {
		if wall.up {
			attr.Cloneflags |= wall.flag
		}
	}
	if w.Mounts && os.Geteuid() != 0 {
		// Without them the rights that it needs to arrange its namespaces end when the program begins. The command gets none.
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
		if w.Users {
			attr.AmbientCaps = append(attr.AmbientCaps, unix.CAP_SETUID, unix.CAP_SETGID)
		}
	}
	return attr
}

// minding is a keeper's own side.
type minding struct {
	errand
	orders  *json.Decoder
	answers *json.Encoder
	asked   bool // to end: what is left has time until the agent says kill
}

// KeeperMain is the main of a keeper; it gives the exit status. Descriptor 3 brings orders, answers go to 4, and what the command prints goes to 1 and 2.
func KeeperMain() int {
	runtime.LockOSThread()                 // rights are a thread's own: the one that gives them up must be the one that starts the command
	signal.Notify(make(chan os.Signal, 1)) // and drop them: a keeper ends with its command, or with its agent
	m := &minding{orders: json.NewDecoder(os.NewFile(3, "orders")), answers: json.NewEncoder(os.NewFile(4, "answers"))}
	if unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) != nil { // before Linux 5.11
		syscall.CloseOnExec(3)
		syscall.CloseOnExec(4)
	}
	if err := m.orders.Decode(&m.errand); err != nil {
		return 0 // it was a spare one, and is not needed
	}
	command, err := m.launch()
	if err != nil {
		return m.say(answer{Error: err.Error()})
	}
	m.say(answer{}) // an agent that does not hear it is gone, and so will the command be
	status, left := m.mind(command)
	return m.say(answer{Status: status, Left: left})
}

func (m *minding) say(a answer) int {
	if m.answers.Encode(a) != nil {
		return 1
	}
	return 0
}

// launch arranges everything and starts the command.
func (m *minding) launch() (pid int, err error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("adopt what the command leaves: %w", err)
	}
	if m.Walls.Users {
		if err := stayUser(m.User, m.Group); err != nil {
			return 0, err
		}
	}
	if m.Walls.Mounts {
		if err := m.View.arrange(); err != nil {
			return 0, err
		}
	}
	if m.Walls.PIDs {
		if err := ownProc(); err != nil {
			return 0, err
		}
	}
	// From here on the command could look, had this process anything to hide.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("close the keeper to its command: %w", err)
	}
	if m.User != 0 { // root stays root
		if err := giveUpRights(); err != nil {
			return 0, err
		}
	}
	pid, err = syscall.ForkExec("/bin/sh", []string{"/bin/sh", "-c", m.Command}, &syscall.ProcAttr{
		Dir: m.Dir, Env: m.Env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("in %s: %w", m.Dir, err)
	}
	for _, out := range []int{1, 2} {
		_ = unix.Dup3(0, out, 0) // never fails; the output ends when the command's own processes do
	}
	return pid, nil
}

// mind sees the command and all that came of it to their ends. What belongs to somebody else (sudo) may be left, if nothing else is.
func (m *minding) mind(command int) (status syscall.WaitStatus, left bool) {
	const soon, slowest, vain = time.Millisecond, 100 * time.Millisecond, 15 // of the last, a second
	ended, empty := make(chan syscall.WaitStatus, 1), make(chan struct{})
	go reap(command, ended, empty)
	orders := make(chan string)
	go m.hear(orders, empty)
	kill := time.NewTimer(0)
	kill.Stop()
	pause, failed := soon, 0
	for {
		select {
		case order := <-orders:
			if order == orderEnd && !m.asked {
				m.asked = true
				signalBelow(m.Walls, syscall.SIGTERM) // whoever is not reached is killed later
				continue
			}
			kill.Reset(0)
		case status = <-ended:
			if !m.asked {
				kill.Reset(soon) // mostly nothing is left, which shows at once
			}
		case <-kill.C:
			// Again and again until none is left. What is only dying is not reached any more, but soon gone.
			if failed++; signalBelow(m.Walls, syscall.SIGKILL) {
				failed = 0
			}
			if failed >= vain {
				return status, true
			}
			kill.Reset(pause)
			pause = min(2*pause, slowest)
		case <-empty:
			select {
			case status = <-ended:
			default:
			}
			return status, false
		}
	}
}

// hear passes on what the agent says. When it says nothing more, it is gone, and everything has to go.
func (m *minding) hear(orders chan<- string, over <-chan struct{}) {
	for {
		var order string
		err := m.orders.Decode(&order)
		if err != nil {
			order = orderKill
		}
		select {
		case orders <- order:
		case <-over:
			return
		}
		if err != nil {
			return
		}
	}
}

// reap takes the status of everything that ends below this process, until nothing is there: what loses its parent becomes a child of this process, so whoever has none has no
// descendants either.
func reap(command int, ended chan<- syscall.WaitStatus, empty chan<- struct{}) {
	defer close(empty)
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		if pid == command {
			ended <- status
		}
	}
}
