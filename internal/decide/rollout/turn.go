package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout/machine"
	"github.com/slipwayhq/slipway/internal/event"
)

// waitForHosts leaves a rollout queued until a host joins.
func (s *Service) waitForHosts(ctx context.Context, tx *db.Tx, e *envRow, m *machine.Rollout) error {
	m.Started = time.Time{}
	m.Reasons = []event.Reason{machine.Because("no_hosts", nil, "%s", noHosts(e))}
	return storeMachine(ctx, tx, m)
}

// noHosts says what is missing in an environment without a host, and how to add one.
func noHosts(e *envRow) string {
	which, flags := "", ""
	if names := e.spec.Hosts; len(names) > 0 {
		which, flags = " named "+strings.Join(names, " or "), " --name "+names[0]
	}
	if len(e.spec.Labels) > 0 {
		var labels []string
		for _, k := range slices.Sorted(maps.Keys(e.spec.Labels)) {
			labels = append(labels, k+"="+e.spec.Labels[k])
		}
		which, flags = which+" labelled "+strings.Join(labels, " and "), flags+" --labels "+strings.Join(labels, ",")
	}
	if flags != "" {
		flags = ", with" + flags
	}
	return fmt.Sprintf(`%s/%s has no host%s; to add one, run on it the command that "slipway join-token --roles host" prints%s`, e.app, e.env, which, flags)
}

// requeue gives up the turn of a rollout that has lost all its hosts: it waits for one, with whatever else waits, and goes on at once where hosts are there that took
// no part so far. Nothing may touch m afterwards.
func (s *Service) requeue(ctx context.Context, tx *db.Tx, m *machine.Rollout) error {
	if err := storeMachine(ctx, tx, m); err != nil {
		return err
	}
	e, err := loadEnv(ctx, tx, m.App, m.Env)
	if err != nil {
		return err
	}
	e.current = ""
	if err := storeEnv(ctx, tx, e); err != nil {
		return err
	}
	return s.startNext(ctx, tx, e, m.Cause)
}
