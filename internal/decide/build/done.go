package build

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/wire"
)

// Done takes the result of a lease. It is a conflict when the lease was lost meanwhile: then nothing of it counts. A result said twice counts
// once, and one that has come is taken even if the worker no longer waits: a list of 100,000 units may take longer than its patience.
func (s *Service) Done(ctx context.Context, agent, id string, r wire.LeaseResult) error {
	ctx = context.WithoutCancel(ctx)
	return s.change(ctx, func(tx *db.Tx) error {
		l, err := ownLease(ctx, tx, agent, id)
		if err != nil || l.State == leaseDone {
			return err
		}
		if err := l.mustRun(); err != nil {
			return err
		}
		b, err := oneBuild(ctx, tx, `id = $1`, l.Build)
		if err != nil {
			return err
		}
		if b == nil {
			return fmt.Errorf("end lease %s: build %s is not there", l.ID, l.Build)
		}
		tx.OnCommit(s.tidy)
		switch {
		case r.Stopped:
			return s.giveBack(ctx, tx, b, l, "The worker was stopped.", nobody)
		case r.Fault != "":
			return s.giveBack(ctx, tx, b, l, r.Fault, theWorker)
		}
		if err := l.finish(ctx, tx, r, ""); err != nil {
			return err
		}
		switch l.Kind {
		case wire.LeaseList:
			err = listed(ctx, tx, b, l, r)
		case wire.LeaseTest:
			err = tested(ctx, tx, b, l, r)
		case wire.LeasePackage:
			err = s.packaged(ctx, tx, b, r)
		}
		if err != nil {
			return err
		}
		return s.settle(ctx, tx, b)
	})
}

// shortTail is how much of a command's output goes into a reason, in bytes.
const shortTail = 2 << 10

// ended says how a command that had to succeed ended, with the last of its output.
func ended(what string, r wire.LeaseResult, timeout time.Duration) string {
	text := fmt.Sprintf("%s ended with exit status %d.", what, r.Exit)
	if r.TimedOut {
		text = fmt.Sprintf("%s did not end within %s and was killed.", what, timeout)
	}
	tail := strings.TrimSpace(clean(r.Tail))
	if len(tail) > shortTail {
		tail = "…" + clean(tail[len(tail)-shortTail:])
	}
	if tail != "" {
		text += " Its last output:\n" + tail
	}
	return text
}

// listed takes the output of a list.
func listed(ctx context.Context, tx *db.Tx, b *row, l lease, r wire.LeaseResult) error {
	m, err := readManifest(b.Manifest)
	if err != nil {
		return err
	}
	t := testOf(m, l.Suite)
	var units []string
	var note string
	problem := &event.Reason{Code: "list_failed", Text: ended("The list of "+l.Suite, r, t.Timeout.Duration)}
	if r.Exit == 0 && !r.TimedOut {
		units, note, problem = checkList(l.Suite, r.Listed)
	}
	if problem != nil {
		return changeSuite(ctx, tx, b.ID, l.Suite, func(st *suite) { st.State, st.Code, st.Note = suiteFailed, problem.Code, problem.Text })
	}
	sizes := sizesOf(r.Listed, r.Sizes)
	if err := insertUnits(ctx, tx, b, l.Suite, units, sizes); err != nil {
		return err
	}
	if err := keepList(ctx, tx, listKey(b.App, b.Tree, t), units, sizes); err != nil {
		return err
	}
	if err := observe(ctx, tx, b.App, l.Suite, []run{{stepList, r.Setup + r.Ran}}); err != nil {
		return err
	}
	return changeSuite(ctx, tx, b.ID, l.Suite, func(st *suite) { st.State, st.Note = suiteListed, note })
}

// maxOutput is how much output of failed units one build keeps in the store; the logs hold the rest.
const maxOutput = 4 << 20

// tested takes the results of units.
func tested(ctx context.Context, tx *db.Tx, b *row, l lease, r wire.LeaseResult) error {
	lent, err := lentUnits(ctx, tx, l)
	if err != nil {
		return err
	}
	var kept int64
	err = tx.QueryRow(ctx, `SELECT COALESCE(SUM(LENGTH(output)), 0) FROM build_units WHERE build = $1 AND status IN ('failed', 'error')`, b.ID).Scan(&kept)
	if err != nil {
		return fmt.Errorf("add up the output of build %s: %w", b.ID, err)
	}
	results := outcome(lent, r)
	var passes []run
	for i := range results {
		res := &results[i]
		if kept += int64(len(res.Output)); kept > maxOutput {
			res.Output = "The output is in the log of the lease: this build has too many failures to show it here."
		}
		if res.Status == unitPassed && res.Occupied > 0 {
			passes = append(passes, run{res.Name, res.Occupied})
		}
	}
	if err := observe(ctx, tx, b.App, l.Suite, passes); err != nil {
		return err
	}
	return count(ctx, tx, b, l, results)
}

// count stores what became of units, adds it to the build's numbers, and says so.
func count(ctx context.Context, tx *db.Tx, b *row, l lease, results []unitResult) error {
	for _, res := range results {
		if res.Status == unitWaiting {
			continue
		}
		b.Done++
		if res.Status == unitFailed || res.Status == unitError {
			b.Failed++
		}
	}
	if err := storeResults(ctx, tx, l, results); err != nil {
		return err
	}
	_, err := tx.Emit(ctx, b.meta(actor), event.BuildProgressed{Build: b.ID, Total: b.Total, Done: b.Done, Failed: b.Failed})
	return err
}

// packaged takes the result of the package step.
func (s *Service) packaged(ctx context.Context, tx *db.Tx, b *row, r wire.LeaseResult) error {
	m, err := readManifest(b.Manifest)
	if err != nil {
		return err
	}
	if r.Exit != 0 || r.TimedOut {
		b.Package, b.PackageNote = packageFailed, ended("The package step", r, m.Package.Timeout.Duration)
		return nil
	}
	size, ok := s.blobs.Has(r.Artifact)
	if !ok {
		return fault.Invalid("The artifact %q is not stored. Send it before the result.", r.Artifact)
	}
	b.Package, b.Artifact, b.Size = packageDone, r.Artifact, size
	return observe(ctx, tx, b.App, "", []run{{stepPackage, r.Setup + r.Ran + r.Upload}})
}

// giveBack takes a lease from its worker without a result: its units wait again, or are errors after the third time.
func (s *Service) giveBack(ctx context.Context, tx *db.Tx, b *row, l lease, reason string, guilty blame) error {
	reason = clean(reason)
	if err := l.end(ctx, tx, leaseLost, reason, guilty == theWorker); err != nil {
		return err
	}
	lent, err := lentUnits(ctx, tx, l)
	if err != nil {
		return err
	}
	gone := event.LeaseExpired{Build: b.ID, Lease: l.ID, Agent: l.Agent, Units: []string{}, Reason: reason}
	for _, u := range lent {
		gone.Units = append(gone.Units, u.Name)
	}
	if _, err := tx.Emit(ctx, b.meta(actor), gone); err != nil {
		return err
	}
	switch l.Kind {
	case wire.LeaseList:
		err = changeSuite(ctx, tx, b.ID, l.Suite, func(st *suite) {
			st.State = suiteWaiting
			if st.Tries += guilty.try(); st.Tries >= MaxTries {
				st.State, st.Code, st.Note = suiteFailed, "list_lost", "The list of "+l.Suite+" was tried three times without a result. The last time: "+reason
			}
		})
	case wire.LeaseTest:
		err = count(ctx, tx, b, l, returned(lent, guilty, reason))
	case wire.LeasePackage:
		b.Package = packageWaits
		if b.PackageTries += guilty.try(); b.PackageTries >= MaxTries {
			b.Package, b.PackageNote = packageFailed, "The package step was tried three times without a result. The last time: "+reason
		}
	}
	if err != nil {
		return err
	}
	return s.settle(ctx, tx, b)
}
