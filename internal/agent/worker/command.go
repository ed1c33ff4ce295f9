package worker

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/proc"
	"github.com/slipwayhq/slipway/internal/wire"
)

const (
	tailSize  = 16 << 10        // of a result, in bytes
	killGrace = 2 * time.Second // between SIGTERM and SIGKILL
)

// ran is how a command ended.
type ran struct {
	exit     int // -1 when a signal ended it
	timedOut bool
	tail     string
	took     time.Duration
}

// run runs a command in the checkout and feeds what it prints to the outputs. It fails only where the machine could not start it, or ctx ended.
func (j *job) run(ctx context.Context, command string, outputs ...io.Writer) (ran, error) {
	tail := proc.NewTail(tailSize)
	began := time.Now()
	p, err := proc.Start(proc.Spec{Command: command, Dir: j.dir, Env: j.jobEnviron(), Output: io.MultiWriter(append(outputs, tail)...),
		Keepers: j.keepers, View: j.view(), Tied: true})
	if err != nil {
		return ran{}, fmt.Errorf("start the command: %w", err)
	}
	limit := time.NewTimer(j.lease.Timeout)
	defer limit.Stop()
	var out ran
	select {
	case <-p.Done():
	case <-limit.C:
		out.timedOut = true
		p.Stop(killGrace)
	case <-ctx.Done():
		p.Stop(killGrace)
	}
	p.Drained()
	out.took, out.tail, out.exit = time.Since(began), tail.String(), p.Exit().Code
	if out.timedOut || ctx.Err() != nil || p.Exit().Signal != "" {
		j.dirty()
		out.exit = -1
	}
	if p.Left() {
		fmt.Fprintln(j.log, "\nSlipway: something that this command started belongs to another user and could not be ended.")
	}
	if text := j.hint(out); text != "" {
		fmt.Fprint(j.log, text)
		out.tail += text
	}
	return out, ctx.Err()
}

// into fills in the result's part that all kinds share.
func (o ran) into(r *wire.LeaseResult) {
	r.Exit, r.TimedOut, r.Ran, r.Tail = o.exit, o.timedOut, o.took, o.tail
}
