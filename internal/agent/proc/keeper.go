package proc

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// What an agent orders of its keeper once the command runs.
const (
	orderEnd  = "end"  // ask all below it to end
	orderKill = "kill" // kill all below it
)

// errand is what a keeper is told first.
type errand struct {
	Command string   `json:"command"`
	Dir     string   `json:"dir"`
	Env     []string `json:"env"`
	View    View     `json:"view"`
	Walls   Walls    `json:"walls"`
	// User and Group of the agent, which a namespace of users does not tell.
	User  int `json:"user"`
	Group int `json:"group"`
}

// answer is what a keeper says: once when the command began or could not, and once when all is over.
type answer struct {
	Error string `json:"error,omitempty"`
	// Status is the command's, as the system gives it.
	Status syscall.WaitStatus `json:"status"`
	// Left says that something could not be ended. Where it is in a namespace with the keeper, it ends with that.
	Left bool `json:"left,omitempty"`
}

// keeper is the agent's end of one.
type keeper struct {
	cmd     *exec.Cmd
	orders  *os.File // the keeper kills all below it when this closes
	answers *os.File
	reader  *json.Decoder
	out     *os.File  // what the command prints
	doomed  time.Time // when it was first told to kill
	closed  bool      // all below it ends with it, without exception

	ending *sync.WaitGroup // Keepers'
	told   sync.WaitGroup
	last   answer
	err    error // why there is no last answer
}

var errKeeperGone = errors.New("the keeper has ended")

func (k *Keepers) spawn() (_ *keeper, err error) {
	var ours, theirs []*os.File
	defer func() {
		closeAll(theirs)
		if err != nil {
			closeAll(ours)
		}
	}()
	for _, ourEnd := range []int{1, 0, 0} { // orders, answers, output
		var pair [2]*os.File
		if pair[0], pair[1], err = os.Pipe(); err != nil {
			return nil, fmt.Errorf("open a pipe to a keeper: %w", err)
		}
		ours, theirs = append(ours, pair[ourEnd]), append(theirs, pair[1-ourEnd])
	}
	cmd := exec.Command(k.o.Program[0], k.o.Program[1:]...) //nolint:noctx // it ends with the pipe
	cmd.Args[0] = "slipway"
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = "/", []string{}, theirs[2], theirs[2]
	cmd.ExtraFiles = theirs[:2]
	cmd.SysProcAttr = k.walls.attr()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a keeper: %w", err)
	}
	return &keeper{cmd: cmd, orders: ours[0], answers: ours[1], reader: json.NewDecoder(ours[1]), out: ours[2], closed: k.walls.PIDs, ending: &k.ending}, nil
}

// begin waits until the command runs. On an error the keeper is gone.
func (k *keeper) begin(e errand) error {
	var a answer
	err := json.NewEncoder(k.orders).Encode(e)
	if err == nil {
		err = k.reader.Decode(&a)
	}
	switch {
	case err != nil:
		err = errKeeperGone
	case a.Error != "":
		err = errors.New(a.Error)
	default:
		return nil
	}
	k.dismiss()
	return fmt.Errorf("start the command: %w", err)
}

// dismiss ends a keeper that has no command.
func (k *keeper) dismiss() {
	k.end()
	closeAll([]*os.File{k.out})
}

// end lets the keeper end and waits for it.
func (k *keeper) end() {
	closeAll([]*os.File{k.orders})
	_ = k.cmd.Wait() // that it ended is all that matters
	closeAll([]*os.File{k.answers})
}

// order tells the keeper what to do. One that is gone has nothing left to do it to.
func (k *keeper) order(what string) {
	_ = json.NewEncoder(k.orders).Encode(what) // see above
}

// ended gives a channel that is closed when the keeper has nothing left to keep, or has ended itself.
func (k *keeper) ended() <-chan struct{} {
	c := make(chan struct{})
	k.told.Go(func() {
		defer close(c)
		k.err = k.reader.Decode(&k.last)
	})
	return c
}

// bury lets the keeper end and gives how its command ended. Call it after ended.
func (k *keeper) bury() Exit {
	k.told.Wait()
	status := k.last.Status
	switch {
	case k.err != nil:
		k.end()
		status, _ = k.cmd.ProcessState.Sys().(syscall.WaitStatus)
	case k.last.Left:
		k.end()
	default:
		k.ending.Go(k.end) // the system takes some milliseconds to remove its namespaces
	}
	exit := Exit{Known: true, Code: status.ExitStatus()}
	if status.Signaled() {
		exit.Signal = status.Signal().String()
	}
	return exit
}
