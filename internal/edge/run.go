package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/slipwayhq/slipway/internal/edge/control"
	"github.com/slipwayhq/slipway/internal/wire"
)

// flushTime is how long an edge that ends waits for the server to take its last seconds. They are on disk anyway.
const flushTime = 2 * time.Second

// Run serves until ctx ends, the socket says stop, or a successor has taken over and the last visitor's connection is gone. When it returns, nothing of
// the edge runs any more.
func (e *Edge) Run(ctx context.Context) (err error) {
	fronts := e.newFronts()
	handover, err := fronts.listen(e.opts.Dir)
	if err != nil {
		e.kill()
		return errors.Join(err, e.spool.Close())
	}
	e.open(fronts, handover != nil)
	life := newLife()
	defer func() { err = errors.Join(err, e.finish(life)) }()

	served := make(chan error, len(fronts))
	for _, f := range fronts {
		life.talk.run(func(context.Context) { served <- f.serve() })
	}
	life.talk.run(func(ctx context.Context) { e.snapshots.run(ctx, e.complain) })
	life.talk.run(e.poll)
	life.talk.run(e.beat)
	life.count.run(e.seconds)
	life.post.run(func(ctx context.Context) { e.complain(e.spool.Run(ctx, e.server.post)) })
	if handover != nil {
		e.complain(handover.Drain())
	}
	commands := e.commands(fronts.listeners())
	if err := commands.Open(e.opts.Dir); err != nil {
		return errors.Join(err, e.end(fronts))
	}
	life.count.run(func(ctx context.Context) { e.complain(commands.Run(ctx)) })
	close(e.ready)
	e.opts.Logger.Info("the edge serves", "address", e.Addr(), "tls", e.TLSAddr(), "generation", e.table.Load().snapshot.Generation, "took_over", handover != nil)

	select {
	case <-ctx.Done():
	case <-e.stop:
	case err := <-served:
		return errors.Join(err, e.end(fronts))
	case <-e.drain:
		return e.handOver(ctx, life, fronts)
	}
	return e.end(fronts)
}

// open makes ready what the fronts need. One that takes over reads the snapshot again: the running edge may have had a newer one than New found.
func (e *Edge) open(fs fronts, takesOver bool) {
	e.tcp.Store(fs[0].listener)
	if e.opts.secure() {
		e.secured.Store(fs[len(fs)-1].listener)
	}
	if takesOver {
		e.catchUp()
	}
	e.openAuthority(fs[0].listener)
}

// life is what runs beside the serving, in the order in which it ends: the talk about snapshots, the counting, the posting of what was counted.
type life struct{ talk, count, post *stage }

// stage is a group of loops that end together.
type stage struct {
	group sync.WaitGroup
	ctx   context.Context //nolint:containedctx // the stage's own life
	end   context.CancelFunc
}

func newLife() *life {
	return &life{talk: newStage(), count: newStage(), post: newStage()}
}

func newStage() *stage {
	s := &stage{}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

func (s *stage) run(loop func(context.Context)) {
	s.group.Go(func() { loop(s.ctx) })
}

// close ends the loops and waits for them.
func (s *stage) close() {
	s.end()
	s.group.Wait()
}

// catchUp puts the newest snapshot on disk into force.
func (e *Edge) catchUp() {
	snap, ok, err := e.snapshots.load()
	if ok && err == nil && snap.Generation != e.table.Load().snapshot.Generation {
		e.complain(e.apply(snap))
	}
}

// commands answers on the socket.
func (e *Edge) commands(listeners []*net.TCPListener) *control.Server {
	tell := func(c chan struct{}) func() {
		return func() {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
	return &control.Server{
		Listeners: listeners,
		Status:    func() any { return e.Status() },
		Taking: func() bool {
			// The successor begins with what is in force here, and with who has erred.
			e.complain(e.snapshots.write())
			e.complain(e.counter.Save())
			return !e.conns.draining()
		},
		Drain: tell(e.drain), Stop: tell(e.stop),
	}
}

// handOver ends an edge whose successor accepts. Connections that are open go on until their visitor's next request, which is answered with "Connection:
// close"; closing an idle one could lose a request that is on its way. Meanwhile the successor's snapshots are followed.
func (e *Edge) handOver(ctx context.Context, l *life, fs fronts) error {
	e.opts.Logger.Info("a successor serves; finishing", "connections", e.conns.open.Load(), "requests", e.conns.requests.Load())
	e.conns.drain.Store(true)
	e.counter.HandOver()
	e.snapshots.handOver()
	err := fs.closeListeners()
	l.talk.end()
	l.count.run(func(ctx context.Context) {
		e.snapshots.follow(ctx, func(s wire.Snapshot) { e.complain(e.apply(s)) })
	})
	ctx, cancel := context.WithTimeout(ctx, e.opts.HandoverTime)
	defer cancel()
	if e.conns.wait(ctx, e.stop, e.conns.gone) != nil {
		e.opts.Logger.Warn("some visitors did not leave in time", "connections", e.conns.open.Load(), "requests", e.conns.requests.Load())
	}
	return errors.Join(err, e.end(fs))
}

// end closes idle connections and lets requests finish, at most StopTime; then it cuts them off.
func (e *Edge) end(fs fronts) error {
	e.conns.drain.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), e.opts.StopTime)
	defer cancel()
	err := fs.shutdown(ctx)
	if err == nil {
		err = e.conns.wait(ctx, nil, e.conns.quiet) // websockets, which Shutdown does not know
	}
	if errors.Is(err, context.DeadlineExceeded) {
		e.opts.Logger.Warn("requests were cut off", "requests", e.conns.requests.Load(), "after", e.opts.StopTime.String())
		err = nil
	}
	e.kill()
	closing := fs.cut()
	cut, done := context.WithTimeout(context.Background(), time.Second)
	defer done()
	_ = e.conns.wait(cut, nil, e.conns.quiet) // so that what was cut off is counted
	if err != nil {
		err = fmt.Errorf("end the serving: %w", err)
	}
	return errors.Join(err, closing)
}

// finish ends what runs beside the serving; the last second is counted and, if the server is there, posted.
func (e *Edge) finish(l *life) error {
	l.talk.close()
	l.count.close()
	flush := time.NewTimer(flushTime)
	defer flush.Stop()
	select {
	case <-e.spool.Empty():
	case <-flush.C:
	}
	l.post.close()
	e.kill()
	e.closeAuthority()
	e.tables.close()
	e.transport.CloseIdleConnections()
	e.server.client.CloseIdleConnections()
	return e.spool.Close()
}

// complain logs what does not stop the serving.
func (e *Edge) complain(err error) {
	if err != nil {
		e.opts.Logger.Error("the edge goes on", "error", err)
	}
}
