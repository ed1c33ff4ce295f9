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
	"github.com/slipwayhq/slipway/internal/decide/track"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// bySystem is the actor of a ref that moved without a push of ours, such as by hand on the server.
const bySystem = "system:git"

// settleAll tells of what moved while no server could. An app whose repository cannot be read is complained of and left for the next time: the others go on.
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
		done, err := d.settle(ctx, app, bySystem, nil)
		unlock()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		d.complain(app, errors.Join(err, done.unread))
	}
	return nil
}

// complain logs what is wrong with a repository, once for as long as it stays so: it is looked at every half minute.
func (d *Door) complain(app string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	d.mu.Lock()
	before := d.complaints[app]
	d.complaints[app] = text
	d.mu.Unlock()
	switch text {
	case before:
	case "":
		d.log.Info("repository looked at again", "app", app)
	default:
		d.log.Error("repository not looked at", "app", app, "folder", d.repo(app), "error", text)
	}
}

// settled is what settle found and did.
type settled struct {
	heads  map[string]string // of all branches
	notes  []string          // sentences for the pusher
	unread error             // branches that git cannot read, and of which nothing was told
}

// settle tells of every branch that moved since the last time, in one transaction with the note of it. It must run under the app's lock. by is who pushed, for a
// push that no note tells of: one of tags alone. notes are those of the push, which is over.
func (d *Door) settle(ctx context.Context, app, by string, notes []string) (settled, error) {
	repo := d.repo(app)
	heads, err := d.heads(ctx, repo)
	if err != nil {
		return settled{}, err
	}
	moves, unread, err := d.moves(ctx, app, heads)
	if err != nil {
		return settled{}, err
	}
	first, err := d.onlyTags(ctx, app, heads)
	if err != nil {
		return settled{}, err
	}
	for _, m := range moves {
		notes = append(notes, m.note.id)
	}
	done := settled{heads: heads}
	err = d.opts.DB.Tx(ctx, func(tx *db.Tx) error {
		done.notes = nil
		if first {
			if err := ensureApp(ctx, tx, by, app); err != nil {
				return err
			}
		}
		for _, m := range moves {
			said, err := m.tell(ctx, tx, app)
			if err != nil {
				return err
			}
			done.notes = append(done.notes, said...)
		}
		return closePushes(ctx, tx, app, notes, slices.Sorted(maps.Keys(unread)))
	})
	if err != nil {
		return settled{}, err
	}
	done.unread = errors.Join(slices.Collect(maps.Values(unread))...)
	return done, d.fixHead(ctx, repo, heads, catalog.MainBranch)
}

// moves compares heads with what was told. A branch that git lists no more is only taken for deleted when git says so: a ref that is damaged is not listed either.
func (d *Door) moves(ctx context.Context, app string, heads map[string]string) (moves []move, unread map[string]error, err error) {
	told, err := toldHeads(ctx, d.opts.DB, app)
	if err != nil {
		return nil, nil, err
	}
	unread = map[string]error{}
	for _, branch := range slices.Sorted(maps.Keys(union(heads, told))) {
		if heads[branch] == told[branch] {
			continue
		}
		if heads[branch] == "" {
			if err := d.gone(ctx, d.repo(app), branch); err != nil {
				unread[branch] = fmt.Errorf("the branch %s cannot be read; it was at %s: %w", branch, told[branch], err)
				continue
			}
		}
		m, err := d.describe(ctx, app, branch, told[branch], heads)
		if err != nil {
			return nil, nil, err
		}
		moves = append(moves, m)
	}
	return moves, unread, nil
}

// onlyTags tells whether the repository has tags and no branch, and its app is not there yet: the first push was one of tags.
func (d *Door) onlyTags(ctx context.Context, app string, heads map[string]string) (bool, error) {
	if len(heads) > 0 {
		return false, nil
	}
	known, err := catalog.Exists(ctx, d.opts.DB, app)
	if err != nil || known {
		return false, err
	}
	out, err := d.output(ctx, d.repo(app), nil, "for-each-ref", "--count=1", tagsPrefix)
	return out != "", err
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
	plan   *track.Plan
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
		if m.note, err = d.noteByHand(ctx, app, branch, head); err != nil {
			return m, err
		}
	}
	m.plan, err = d.planOf(ctx, d.repo(app), head, nil, m.note.manifest)
	var bad *badPlan
	if m.note.id == "" && (errors.As(err, &bad) || fault.CodeOf(err) == fault.CodeInvalid) { // as with a manifest that has mistakes: what was moved by hand is told of, and not built
		m.note.manifest, err = nil, nil
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
	src, err := d.manifestOf(ctx, d.repo(app), head, nil)
	if err != nil || !src.found {
		return n, err
	}
	if m, problems := manifest.Parse(src.text); len(problems) == 0 && m.App == app {
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
		if m.plan != nil {
			if err := track.Declare(ctx, tx, app, p.After, *m.plan); err != nil {
				return nil, err
			}
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
