package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	stateStream     = "STATE"
	telemetryStream = "TELEMETRY"
	statePrefix     = "state."
	telemetryPrefix = "telemetry."
	eventsStream    = "EVENTS"
	eventsPrefix    = "events."
)

// Options of a Journal.
type Options struct {
	// Dir keeps the embedded log. Ignored when URL is set.
	Dir string
	// URL of a NATS cluster; empty embeds the log.
	URL string
	// TelemetryAge is how long telemetry is kept; 0 means 48 hours.
	TelemetryAge time.Duration
	// TelemetryBytes is how much of it is kept at most; 0 means 2 GiB.
	TelemetryBytes int64
	// EventsAge is how long the log holds what users did; 0 means 7 days.
	EventsAge time.Duration
	// TakesAge is how long the log holds what was taken of limits; 0 means 8 days, so that a week can be asked about.
	TakesAge time.Duration
	// TakesBytes is how much of it is kept at most; 0 means 2 GiB.
	TakesBytes int64
	// EventsBytes is how much of it the log takes; 0 is no bound. What is more is refused: nothing makes room before its time.
	EventsBytes int64
	Logger      *slog.Logger
}

// Journal is an open log. Use Open, then Run.
type Journal struct {
	opts   Options
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	state  jetstream.Stream
	// the ways in
	telemetry, events, takes *line
	packer                   *packer

	endMu sync.Mutex
	ends  place // of the stream of events, for who writes; zero where that is to be asked
	spans spans
}

// Open starts the embedded log (or connects) and makes the streams. Close it; Run it for Append to work.
func Open(ctx context.Context, opts Options) (*Journal, error) {
	if opts.TelemetryAge == 0 {
		opts.TelemetryAge = 48 * time.Hour
	}
	if opts.TelemetryBytes == 0 {
		opts.TelemetryBytes = 2 << 30
	}
	if opts.EventsAge == 0 {
		opts.EventsAge = 7 * 24 * time.Hour
	}
	if opts.TakesAge == 0 {
		opts.TakesAge = 8 * 24 * time.Hour
	}
	if opts.TakesBytes == 0 {
		opts.TakesBytes = 2 << 30
	}
	if opts.EventsBytes == 0 {
		opts.EventsBytes = -1
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	packer, err := newPacker()
	if err != nil {
		return nil, err
	}
	j := &Journal{opts: opts, telemetry: newLine(), events: newLine(), takes: newLine(), packer: packer}
	if err := j.connect(); err != nil {
		return nil, err
	}
	if err := j.makeStreams(ctx); err != nil {
		j.Close()
		return nil, err
	}
	return j, nil
}

// anySize is the bound of the log in bytes, which is none: left to itself, the server takes three quarters of what is free at its start for the bound, and does not
// start with a log that grew, or on a disk that others filled.
const anySize = 1 << 50

func (j *Journal) connect() error {
	if j.opts.URL != "" {
		conn, err := nats.Connect(j.opts.URL, nats.Name("slipway"), nats.MaxReconnects(-1))
		if err != nil {
			return fmt.Errorf("connect to the log at %s: %w", j.opts.URL, err)
		}
		j.conn = conn
		return nil
	}
	if err := os.MkdirAll(j.opts.Dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the log: %w", err)
	}
	srv, err := server.NewServer(&server.Options{
		ServerName: "slipway", DontListen: true, JetStream: true, StoreDir: filepath.Clean(j.opts.Dir),
		JetStreamMaxStore: anySize, SyncAlways: true, NoSigs: true, NoLog: true, MaxPayload: maxMessage + 64<<10,
	})
	if err != nil {
		return fmt.Errorf("open the log in %s: %w", j.opts.Dir, err)
	}
	srv.Start()
	if !srv.ReadyForConnections(20 * time.Second) {
		srv.Shutdown()
		return fmt.Errorf("open the log in %s: not ready after 20 s; is another slipway using this folder, or is the disk full?", j.opts.Dir)
	}
	conn, err := nats.Connect("", nats.InProcessServer(srv), nats.Name("slipway"), nats.MaxReconnects(-1))
	if err != nil {
		srv.Shutdown()
		return fmt.Errorf("connect to the embedded log: %w", err)
	}
	j.server, j.conn = srv, conn
	return nil
}

func (j *Journal) makeStreams(ctx context.Context) error {
	js, err := jetstream.New(j.conn)
	if err != nil {
		return fmt.Errorf("open the log's streams: %w", err)
	}
	j.js = js
	j.state, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: stateStream, Subjects: []string{statePrefix + ">"}, Storage: jetstream.FileStorage,
		AllowAtomicPublish: true, DenyDelete: true,
	})
	if err != nil {
		return fmt.Errorf("open the stream of state events: %w", err)
	}
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: telemetryStream, Subjects: []string{telemetryPrefix + ">"}, Storage: jetstream.FileStorage,
		AllowAtomicPublish: true, MaxAge: j.opts.TelemetryAge, MaxBytes: j.opts.TelemetryBytes, Discard: jetstream.DiscardOld,
	})
	if err != nil {
		return fmt.Errorf("open the stream of telemetry: %w", err)
	}
	note, err := notedEnd(ctx, js)
	if err != nil {
		return fmt.Errorf("open the stream of events: %w", err)
	}
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: eventsStream, Metadata: note, Subjects: []string{eventsPrefix + ">"}, Storage: jetstream.FileStorage,
		AllowAtomicPublish: true, MaxAge: j.opts.EventsAge, MaxBytes: j.opts.EventsBytes, Discard: jetstream.DiscardNew,
	})
	if err != nil {
		return fmt.Errorf("open the stream of events: %w", err)
	}
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: takesStream, Subjects: []string{takesSubject}, Storage: jetstream.FileStorage,
		AllowAtomicPublish: true, MaxAge: j.opts.TakesAge, MaxBytes: j.opts.TakesBytes, Discard: jetstream.DiscardOld,
	})
	if err != nil {
		return fmt.Errorf("open the stream of takes: %w", err)
	}
	return nil
}

// Close ends connection and embedded server; end Run first. It may be called again.
func (j *Journal) Close() {
	if j.conn != nil {
		j.conn.Close()
	}
	if j.server != nil {
		j.server.Shutdown()
		j.server.WaitForShutdown()
	}
}

// errClosed is what an Append gets that came too late.
var errClosed = errors.New("the log is closing")

// errEnough ends a read that has what it wanted.
var errEnough = errors.New("enough")
