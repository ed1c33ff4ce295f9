package git

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/slipwayhq/slipway/internal/access"
)

// push is one run of git receive-pack.
type push struct {
	app string
	who access.Identity
	// reader ends when the pusher goes away. It bounds the lines they are told, not the push.
	reader context.Context
	// life ends when git receive-pack has ended.
	life context.Context

	mu      sync.Mutex
	unlock  func()         // not nil while the app's lock is held
	hooks   sync.WaitGroup // hooks being served
	updates []update       // what pre-receive accepted
	notes   []string       // what it noted of them, by id
	settled settled        // what came of them
}

// receive runs git receive-pack for a push. Once git has the pack, it comes to its end whether the pusher still listens or not.
func (d *Door) receive(ctx context.Context, w http.ResponseWriter, body io.Reader, c call) error {
	alive := context.WithoutCancel(ctx)
	life, end := context.WithCancel(alive)
	p := &push{app: c.app, who: c.who, reader: ctx, life: life}
	name := rand.Text()
	d.mu.Lock()
	d.pushes[name] = p
	d.mu.Unlock()
	err := d.initRepo(alive, d.repo(c.app)) // behind the note of the push, so that dropUnused leaves it alone
	if err != nil {
		d.refuse(w, d.repo(c.app), err)
		err = nil // said and logged
	} else {
		d.begin(w, c)
		var errs limitedBuffer
		cmd := d.command(alive, d.hookEnv(name), "receive-pack", "--stateless-rpc", d.repo(c.app))
		answer := &hintWriter{w: &answerWriter{w: w, control: http.NewResponseController(w)}}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = body, answer, &errs
		err = errors.Join(commandEnd(cmd.Run(), errs.String()), answer.flush())
	}

	d.mu.Lock()
	delete(d.pushes, name) // no more hooks of it
	d.mu.Unlock()
	end()
	p.hooks.Wait()
	if settleErr := d.finish(alive, p); settleErr != nil {
		return fmt.Errorf("settle a push to %s: %w", c.app, settleErr)
	}
	return errors.Join(err, d.dropUnusedOf(c.app))
}

// hold keeps the app's lock for the push.
func (p *push) hold(unlock func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unlock = unlock
}

// accept keeps what pre-receive accepted, for the words of post-receive.
func (p *push) accept(updates []update) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.updates = updates
}

// noted keeps the ids of notes.
func (p *push) noted(ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notes = ids
}

// outcome gives what there is to tell of when the push is settled.
func (p *push) outcome() (settled, []update) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settled, p.updates
}

// finish settles the push, if it got as far as holding the lock and has not been settled yet, and gives the lock back.
func (d *Door) finish(ctx context.Context, p *push) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unlock == nil {
		return nil
	}
	var err error
	p.settled, err = d.settle(ctx, p.app, p.who.Actor(), p.notes)
	if err == nil {
		d.complain(p.app, p.settled.unread)
	}
	p.unlock()
	p.unlock = nil
	return err
}
