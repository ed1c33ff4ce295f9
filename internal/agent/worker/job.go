package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipwayhq/slipway/internal/agent/client"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Phases of a lease, as the beats name them.
const (
	phaseFetch    = "fetch"
	phaseCheckout = "checkout"
	phaseRun      = "run"
	phaseUpload   = "upload"
)

// job is one lease being done.
type job struct {
	*worker
	lease wire.Lease
	slot  *slot
	dir   string // of the checkout
	tmp   string
	log   *logFile
	began time.Time // when the lease arrived
	phase atomic.Value
}

// errLost ends a job whose lease the server took back.
var errLost = errors.New("the lease was taken back")

// farewell is how long an ending worker tries to give its lease back.
const farewell = 2 * time.Second

// do does a lease and answers it. It reports false when this machine could not do its part.
func (w *worker) do(ctx context.Context, s *slot, l wire.Lease) bool {
	j := &job{worker: w, lease: l, slot: s, began: time.Now(), tmp: w.path("tmp", s.name)}
	j.phase.Store(phaseFetch)
	defer j.clear()
	log := w.Logger.With("lease", l.ID, "build", l.Build, "kind", l.Kind)
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var beats sync.WaitGroup
	beats.Go(func() { j.beat(inner, cancel) })
	result := j.result(inner)
	if errors.Is(context.Cause(inner), errLost) {
		log.Info("lease taken back")
		beats.Wait()
		return true
	}
	answer, stop := inner, func() {}
	if ctx.Err() != nil {
		result.Stopped, result.Fault = true, ""
		answer, stop = context.WithTimeout(context.WithoutCancel(ctx), farewell)
	}
	err := w.Client.LeaseDone(answer, l.ID, result)
	stop()
	cancel(nil)
	beats.Wait()
	switch {
	case errors.Is(err, client.ErrGone):
		log.Info("the result came too late and does not count")
	case err != nil && ctx.Err() == nil && !errors.Is(context.Cause(inner), errLost):
		log.Warn("result not delivered", "error", err)
	}
	if result.Fault != "" {
		log.Warn("lease given back", "fault", result.Fault)
	}
	return result.Fault == ""
}

// clear removes what was for this lease alone. Nobody waits for it but the next lease; what stays is removed at the next start.
func (j *job) clear() {
	for _, dir := range []string{j.tmp, j.oldRepository()} {
		_ = os.RemoveAll(dir) // see above
	}
}

// beat keeps the lease until the job is over, and ends the job when the server says so.
func (j *job) beat(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(wire.BeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		phase, _ := j.phase.Load().(string)
		order, err := j.Client.LeaseBeat(ctx, j.lease.ID, wire.LeaseBeat{Phase: phase})
		if order.Cancel || errors.Is(err, client.ErrGone) || errors.Is(err, client.ErrRemoved) {
			cancel(errLost)
			return
		}
	}
}

// result does the lease. What goes wrong on this machine is the result's fault.
func (j *job) result(ctx context.Context) wire.LeaseResult {
	var r wire.LeaseResult
	if err := j.perform(ctx, &r); err != nil {
		r.Fault = err.Error()
	}
	return r
}

func (j *job) perform(ctx context.Context, r *wire.LeaseResult) (err error) {
	if err := os.MkdirAll(j.tmp, 0o700); err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	spool, err := os.CreateTemp(j.path("tmp"), "log-*")
	if err != nil {
		return fmt.Errorf("make a file for the log: %w", err)
	}
	j.log = newLogFile(spool, j.LogCap)
	var sending sync.WaitGroup
	sending.Go(func() { j.log.send(ctx, j.Client, j.lease.ID) })
	defer func() {
		j.log.close()
		sending.Wait()
		r.LogSize = j.log.sent()
		_ = spool.Close() // it is removed
		_ = os.Remove(spool.Name())
	}()
	if j.dir, err = j.checkout(ctx); err != nil {
		return err
	}
	r.Started = time.Now()
	r.Setup = r.Started.Sub(j.began)
	j.phase.Store(phaseRun)
	switch j.lease.Kind {
	case wire.LeaseList:
		return j.list(ctx, r)
	case wire.LeaseTest:
		return j.test(ctx, r)
	case wire.LeasePackage:
		return j.pack(ctx, r)
	default:
		return fmt.Errorf("this worker does not know leases of kind %q; upgrade it", j.lease.Kind)
	}
}
