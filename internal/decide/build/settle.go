package build

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
)

// change runs a transaction in which builds are decided about: one at a time, on all servers.
func (s *Service) change(ctx context.Context, fn func(tx *db.Tx) error) error {
	return s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(ctx, "build"); err != nil {
			return err
		}
		return fn(tx)
	})
}

func (b *row) standing(all []suite, olderOpen bool) standing {
	st := standing{Total: b.Total, Done: b.Done, Failed: b.Failed, Package: b.Package, OlderOpen: olderOpen, Hurry: b.skipsTests()}
	for _, s := range all {
		switch s.State {
		case suiteFailed:
			st.Unlistable++
		case suiteListed:
		default:
			st.Unlisted++
		}
	}
	return st
}

// settle moves a started build to the state that follows from what is known of it, with its events, and stores it.
func (s *Service) settle(ctx context.Context, tx *db.Tx, b *row) error {
	all, err := suites(ctx, tx, b.ID)
	if err != nil {
		return err
	}
	var older int
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM build_builds WHERE app = $1 AND env = $2 AND number < $3 AND state IN `+openStates, b.App, b.Env, b.Number).Scan(&older)
	if err != nil {
		return fmt.Errorf("look for builds before %s: %w", b.ID, err)
	}
	was := b.State
	next := judge(b.standing(all, older > 0))
	if was == Listing && next != Listing && len(all) > 0 {
		if err := announceList(ctx, tx, b, all); err != nil {
			return err
		}
	}
	switch next {
	case Failed:
		units, reasons, err := whyFailed(ctx, tx, b, all)
		if err != nil {
			return err
		}
		return s.fail(ctx, tx, b, units, reasons)
	case Passed:
		return s.pass(ctx, tx, b)
	default:
		b.State = next
		tx.OnCommit(s.work.wake)
		return b.save(ctx, tx)
	}
}

// announceList says how many units there are, once every suite gave its own.
func announceList(ctx context.Context, tx *db.Tx, b *row, all []suite) error {
	cached := true
	for _, st := range all {
		if st.State != suiteListed {
			return nil
		}
		cached = cached && st.Cached
	}
	_, err := tx.Emit(ctx, b.meta(actor), event.BuildListed{Build: b.ID, Units: b.Total, Cached: cached})
	return err
}

// maxNamed is how many failed units an event names.
const maxNamed = 100

// whyFailed gives the units that failed and the grounds in words.
func whyFailed(ctx context.Context, tx *db.Tx, b *row, all []suite) (units []string, reasons []event.Reason, err error) {
	rows, err := tx.Query(ctx, `SELECT unit FROM build_units WHERE build = $1 AND status IN ('failed', 'error') ORDER BY suite, unit LIMIT $2`, b.ID, maxNamed)
	if err != nil {
		return nil, nil, fmt.Errorf("read the failed units of build %s: %w", b.ID, err)
	}
	defer rows.Close()
	for rows.Next() {
		var unit string
		if err := rows.Scan(&unit); err != nil {
			return nil, nil, fmt.Errorf("read the failed units of build %s: %w", b.ID, err)
		}
		units = append(units, unit)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("read the failed units of build %s: %w", b.ID, err)
	}
	if b.Failed > 0 {
		reasons = append(reasons, event.Reason{Code: "units_failed", Text: failedText(units, b.Failed, b.Total),
			Numbers: map[string]float64{"failed": float64(b.Failed), "total": float64(b.Total)}})
	}
	for _, st := range all {
		if st.State == suiteFailed {
			reasons = append(reasons, event.Reason{Code: st.Code, Text: st.Note})
		}
	}
	if b.Package == packageFailed {
		reasons = append(reasons, event.Reason{Code: "package_failed", Text: b.PackageNote})
	}
	return units, reasons, nil
}

// failedText names a few of the failed units.
func failedText(units []string, failed, total int) string {
	const named = 5
	text := fmt.Sprintf("%d of %d units failed: %s", failed, total, strings.Join(units[:min(named, len(units))], ", "))
	if failed > named {
		text += fmt.Sprintf(" and %d more", failed-named)
	}
	return text + "."
}

// fail ends a build that is red or could not be judged.
func (s *Service) fail(ctx context.Context, tx *db.Tx, b *row, units []string, reasons []event.Reason) error {
	suspects, err := sinceGreen(ctx, tx, b)
	if err != nil {
		return err
	}
	b.Reasons, b.Suspects = reasons, suspects
	_, err = tx.Emit(ctx, b.meta(actor), event.BuildFailed{Build: b.ID, Number: b.Number, Head: b.Head, Failed: units, Suspects: suspects, Reasons: reasons})
	if err != nil {
		return err
	}
	return s.end(ctx, tx, b, Failed, fmt.Sprintf("build #%d failed", b.Number))
}

// pass ends a build that is green. A hotfix takes the place of builds that hold its ancestors.
func (s *Service) pass(ctx context.Context, tx *db.Tx, b *row) error {
	if b.skipsTests() {
		if err := s.overtake(ctx, tx, b); err != nil {
			return err
		}
	}
	commits, err := sinceGreen(ctx, tx, b)
	if err != nil {
		return err
	}
	apart, err := diverged(ctx, tx, b)
	if err != nil {
		return err
	}
	_, err = tx.Emit(ctx, b.meta(actor), event.BuildPassed{Build: b.ID, Number: b.Number, Head: b.Head, Commits: commits, Artifact: b.Artifact,
		Size: b.Size, Manifest: b.Manifest, Hotfix: b.Hotfix, Diverged: apart})
	if err != nil {
		return err
	}
	return s.end(ctx, tx, b, Passed, fmt.Sprintf("build #%d passed", b.Number))
}

// overtake cancels older builds of the environment: shipping them after the hotfix would undo it.
func (s *Service) overtake(ctx context.Context, tx *db.Tx, b *row) error {
	older, err := builds(ctx, tx, `app = $1 AND env = $2 AND number < $3 AND state IN `+openStates, b.App, b.Env, b.Number)
	if err != nil {
		return err
	}
	for _, o := range older {
		if err := s.cancel(ctx, tx, o, actor, fmt.Sprintf("Hotfix build #%d, which holds these commits, went ahead.", b.Number)); err != nil {
			return err
		}
	}
	return nil
}

// cancel ends a build before its time.
func (s *Service) cancel(ctx context.Context, tx *db.Tx, b *row, by, reason string) error {
	b.Reasons = []event.Reason{{Code: "cancelled", Text: reason}}
	m := b.meta(by)
	if by != actor {
		m.Cause = "" // a person is the first cause
	}
	if _, err := tx.Emit(ctx, m, event.BuildCancelled{Build: b.ID, Reason: reason}); err != nil {
		return err
	}
	return s.end(ctx, tx, b, Cancelled, reason)
}

// end closes a build and its leases, and lets the next of its environment pass, which may have waited for it.
func (s *Service) end(ctx context.Context, tx *db.Tx, b *row, state State, why string) error {
	b.State, b.Ended = state, tx.Now()
	if err := b.save(ctx, tx); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE build_leases SET state = 'cancelled', reason = $1, ended_at = $2 WHERE build = $3 AND state = 'running'`,
		why, db.Micros(tx.Now()), b.ID)
	if err != nil {
		return fmt.Errorf("cancel the leases of build %s: %w", b.ID, err)
	}
	_, err = tx.Exec(ctx, `UPDATE build_units SET status = 'waiting' WHERE build = $1 AND status = 'running'`, b.ID)
	if err != nil {
		return fmt.Errorf("take back the units of build %s: %w", b.ID, err)
	}
	tx.OnCommit(s.work.wake)
	tx.OnCommit(s.tidy)
	younger, err := oneBuild(ctx, tx, `app = $1 AND env = $2 AND number > $3 AND state = 'packaging' ORDER BY number`, b.App, b.Env, b.Number)
	if err != nil || younger == nil {
		return err
	}
	return s.settle(ctx, tx, younger)
}

// sinceGreen gives the commits that came since the last build of the environment that passed, this build's included, oldest first. A forced push starts anew.
func sinceGreen(ctx context.Context, q db.Querier, b *row) ([]event.Commit, error) {
	all, err := builds(ctx, q, `app = $1 AND env = $2 AND number <= $3
		AND number > COALESCE((SELECT MAX(number) FROM build_builds WHERE app = $1 AND env = $2 AND number < $3 AND state = 'passed'), 0)
		AND number >= COALESCE((SELECT MAX(number) FROM build_builds WHERE app = $1 AND env = $2 AND number <= $3 AND forced = 1), 0)
		ORDER BY number`, b.App, b.Env, b.Number)
	if err != nil {
		return nil, err
	}
	commits := []event.Commit{}
	for _, o := range all {
		commits = merge(commits, o.Commits)
	}
	return commits, nil
}

// diverged tells whether the build's head need not hold what the last build of the environment that passed held: the branch was rewritten since, or is another one.
func diverged(ctx context.Context, q db.Querier, b *row) (bool, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM build_builds, (SELECT MAX(number) AS last FROM build_builds
			WHERE app = $1 AND env = $2 AND number < $3 AND state = 'passed') AS passed
		WHERE app = $1 AND env = $2 AND number <= $3 AND (number > last AND forced = 1 OR number >= last AND branch <> $4)`, b.App, b.Env, b.Number, b.Branch).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look whether the branch of build %s was rewritten: %w", b.ID, err)
	}
	return n > 0, nil
}
