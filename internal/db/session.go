package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// session is one connection to PostgreSQL that a server keeps for as long as it lives. Leases name it: when PostgreSQL does not list it any more, the process behind it
// is gone, or has been told so and stops, and others need not wait for the lease's time.
type session struct {
	// name is what PostgreSQL lists it by; empty when there is none, and leases end by their time alone.
	name string
	gone chan struct{} // closed when the session is; nil when there is none
}

const (
	// askSession is how often the session is used, so that nothing between here and PostgreSQL takes it for idle.
	askSession = 2 * time.Second
	// answerSession is how long PostgreSQL may take to answer. It must be known here that the session is gone before a lease ends by its time.
	answerSession = 3 * time.Second
)

// listed names a row of pg_stat_activity for ever: process ids come again, also when PostgreSQL was started anew.
const listed = `(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint || '/' || a.pid || '/' || (extract(epoch FROM a.backend_start) * 1000000)::bigint`

// sessions keeps a server's session.
type sessions struct {
	url  string
	lost func(error) // is told why, once for each session or try

	mu     sync.Mutex
	now    session
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// open opens the first session, and keeps one until close.
func (s *sessions) open(ctx context.Context) {
	conn, err := s.connect(ctx)
	ctx, s.cancel = context.WithCancel(context.Background())
	s.ended.Go(func() {
		for ctx.Err() == nil {
			if err == nil {
				err = s.keep(ctx, conn)
			}
			if ctx.Err() != nil {
				return
			}
			if s.lost(err); errors.Is(err, errPooled) {
				return
			}
			select {
			case <-time.After(askSession):
			case <-ctx.Done():
				return
			}
			conn, err = s.connect(ctx)
		}
	})
}

func (s *sessions) close() {
	s.cancel()
	s.ended.Wait()
}

// present is the session of now.
func (s *sessions) present() session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// errPooled means that something between here and PostgreSQL lends its own connections out: one of them says nothing about who uses it.
var errPooled = errors.New("the store is behind a connection pooler")

// connect makes a new session the present one.
func (s *sessions) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, answerSession)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return nil, fmt.Errorf("open a session for leases: %w", err)
	}
	var pid uint32
	var name string
	err = conn.QueryRow(ctx, `SELECT a.pid, `+listed+` FROM pg_stat_activity a WHERE a.pid = pg_backend_pid()`).Scan(&pid, &name)
	if err == nil && pid != conn.PgConn().PID() { // who answered the greeting is not who answers now
		err = errPooled
	}
	if err != nil {
		hangUp(conn)
		return nil, fmt.Errorf("open a session for leases: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = session{name: name, gone: make(chan struct{})}
	return conn, nil
}

// keep uses the session until it is gone, or ctx ends. Between its questions it listens, and so hears of the end at once.
func (s *sessions) keep(ctx context.Context, conn *pgx.Conn) error {
	defer func() {
		hangUp(conn)
		s.mu.Lock()
		defer s.mu.Unlock()
		close(s.now.gone)
		s.now = session{}
	}()
	for {
		if err := within(ctx, askSession, conn.PgConn().WaitForNotification); err != nil && !pgconn.Timeout(err) || ctx.Err() != nil {
			return fmt.Errorf("listen to the session for leases: %w", err)
		}
		if err := within(ctx, answerSession, conn.Ping); err != nil {
			return fmt.Errorf("use the session for leases: %w", err)
		}
	}
}

func within(ctx context.Context, d time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return fn(ctx)
}

// hangUp closes a connection without waiting long: the other side may be gone.
func hangUp(conn *pgx.Conn) {
	_ = within(context.Background(), time.Second, conn.Close) // it is of no use any more, however it ends
}
