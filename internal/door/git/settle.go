package git

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// bySystem is the actor of a ref that moved without a push of ours, such as by hand on the server.
const bySystem = "system:git"

// settleAll tells of what moved while no server could.
func (d *Door) settleAll(ctx context.Context) error {
	apps, err := d.apps()
	if err != nil {
		return err
	}
	for _, app := range apps {
		unlock, err := d.lock(ctx, app)
		if err != nil {
			return err
		}
		_, err = d.settle(ctx, app)
		unlock()
		if err != nil {
			return fmt.Errorf("settle %s: %w", app, err)
		}
	}
	return nil
}

// settled is what settle found and did.
type settled struct {
	heads map[string]string // of all branches
	notes []string          // sentences for the pusher
}

// settle tells of every branch that moved since the last time, in one transaction with the note of it. It must run under the app's lock.
func (d *Door) settle(ctx context.Context, app string) (settled, error) {
	repo := d.repo(app)
	heads, err := d.heads(ctx, repo)
	if err != nil {
		return settled{}, err
	}
	told, err := toldHeads(ctx, d.opts.DB, app)
	if err != nil {
		return settled{}, err
	}
	var moves []move
	for _, branch := range slices.Sorted(maps.Keys(union(heads, told))) {
		if heads[branch] == told[branch] {
			continue
		}
		m, err := d.describe(ctx, app, branch, told[branch], heads)
		if err != nil {
			return settled{}, err
		}
		moves = append(moves, m)
	}
	var notes []string
	err = d.opts.DB.Tx(ctx, func(tx *db.Tx) error {
		notes = nil
		for _, m := range moves {
			said, err := m.tell(ctx, tx, app)
			if err != nil {
				return err
			}
			notes = append(notes, said...)
		}
		return closePushes(ctx, tx, app)
	})
	if err != nil {
		return settled{}, err
	}
	return settled{heads, notes}, d.fixHead(ctx, repo, heads, catalog.MainBranch)
}

func union(a, b map[string]string) map[string]string {
	u := maps.Clone(a)
	maps.Copy(u, b)
	return u
}

// move is a branch whose head is another one than was told of.
type move struct {
	pushed event.GitPushed
	note   pushNote // what pre-receive noted, empty when there is nothing
}

// describe finds out what an event has to say of a move. Everything that takes git is done here, outside the transaction.
func (d *Door) describe(ctx context.Context, app, branch, old string, heads map[string]string) (move, error) {
	head := heads[branch]
	m := move{pushed: event.GitPushed{Branch: branch, Before: old, After: head}}
	var err error
	if m.note, err = noteOf(ctx, d.opts.DB, app, branch, head); err != nil || head == "" {
		return m, err
	}
	h, err := d.historyOf(ctx, d.repo(app), branch, old, head, heads)
	if err != nil {
		return m, err
	}
	m.pushed.Tree, m.pushed.Forced, m.pushed.Commits = h.tree, h.forced, h.commits
	if m.note.id == "" {
		m.note, err = d.noteByHand(ctx, app, branch, head)
	}
	return m, err
}

// noteByHand stands in for pre-receive where a ref was moved on the server itself.
func (d *Door) noteByHand(ctx context.Context, app, branch, head string) (pushNote, error) {
	n := pushNote{actor: bySystem}
	_, mapped, err := catalog.EnvironmentFor(ctx, d.opts.DB, app, branch)
	if err != nil || !mapped {
		return n, err
	}
	src, found, err := d.manifestOf(ctx, d.repo(app), head, nil)
	if err != nil || !found {
		return n, err
	}
	if m, problems := manifest.Parse(src); len(problems) == 0 && m.App == app {
		n.manifest = m
	}
	return n, nil
}

// tell emits git.pushed and notes it. The app and its environments come to be here, when this is how they do.
func (m move) tell(ctx context.Context, tx *db.Tx, app string) ([]string, error) {
	if err := noteHead(ctx, tx, app, m.pushed.Branch, m.pushed.Before, m.pushed.After); err != nil {
		return nil, err
	}
	actor := m.note.actor
	if actor == "" {
		actor = bySystem
	}
	if err := ensureApp(ctx, tx, actor, app); err != nil {
		return nil, err
	}
	var said []string
	if m.note.manifest != nil {
		var err error
		if said, err = catalog.ApplyManifest(ctx, tx, actor, app, m.note.manifest); err != nil {
			return nil, err
		}
	}
	env, mapped, err := catalog.EnvironmentFor(ctx, tx, app, m.pushed.Branch)
	if err != nil {
		return nil, err
	}
	p := m.pushed
	meta := event.Meta{App: app, Actor: actor}
	if mapped && m.note.manifest != nil {
		meta.Env, p.Hotfix = env.Name, m.note.hotfix
		if p.Manifest, err = json.Marshal(m.note.manifest); err != nil {
			return nil, fmt.Errorf("encode the manifest of %s: %w", app, err)
		}
	}
	if _, err := tx.Emit(ctx, meta, p); err != nil {
		return nil, err
	}
	e := access.Entry{Actor: actor, Action: "git.pushed", App: app, Env: meta.Env, Target: p.Branch, Detail: map[string]any{"before": p.Before, "after": p.After}}
	if p.Forced {
		e.Detail["forced"] = true
	}
	if p.Hotfix != nil {
		e.Action, e.Reason = "hotfix.pushed", p.Hotfix.Reason
		e.Detail["skip_tests"], e.Detail["skip_watch"] = p.Hotfix.SkipTests, p.Hotfix.SkipWatch
	}
	return said, access.Audit(ctx, tx, e)
}

// ensureApp makes the app at its first push.
func ensureApp(ctx context.Context, tx *db.Tx, actor, app string) error {
	exists, err := catalog.Exists(ctx, tx, app)
	if err != nil || exists {
		return err
	}
	err = catalog.CreateApp(ctx, tx, actor, app)
	var f *fault.Error
	if errors.As(err, &f) && f.Code == fault.CodeConflict {
		return nil // made at the same moment
	}
	return err
}
