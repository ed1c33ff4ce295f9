package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/app"
	"github.com/slipwayhq/slipway/internal/apptest"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// patience is how long a test waits for what has to come: long enough for a machine that does ten other things.
const patience = 2 * time.Minute

func TestMain(m *testing.M) { apptest.Main(m) }

// place is a server with an app and a source.
type place struct {
	*testing.T
	dir, addr string
	server    *apptest.Server
	key       string
	began     time.Time
}

// newPlace starts a server that can be started again at the same address.
func newPlace(t *testing.T) *place {
	t.Helper()
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatalf("the clients are not here; run make needs: %v", err)
	}
	p := &place{T: t, dir: t.TempDir(), addr: freeAddress(t), began: time.Now().Truncate(time.Millisecond)}
	p.start()
	p.server.Must(t, "POST", "/v1/apps", map[string]any{"name": "shop"}, nil)
	var source struct {
		Key string `json:"write_key"`
	}
	p.server.Must(t, "POST", "/v1/apps/shop/sources", map[string]any{"name": "web"}, &source)
	p.key = source.Key
	return p
}

// freeAddress is a port below those that the system gives to outgoing connections: while the server is down, nobody else may get it.
func freeAddress(t *testing.T) string {
	t.Helper()
	from := 19000 + os.Getpid()%40*20
	for port := from; port < from+20; port++ {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatalf("no port is free from %d on", from)
	return ""
}

func (p *place) start() {
	p.Helper()
	p.server = apptest.Start(p, func(o *app.Options) { o.Dir, o.Listen = p.dir, p.addr })
}

// until waits for a condition.
func (p *place) until(what string, ok func() bool) {
	p.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	p.Fatalf("not within %s: %s", patience, what)
}

// logged stops the server and reads its log: events, and what was none.
func (p *place) logged() (events []capture.Event, failed []capture.Failed) {
	p.Helper()
	p.server.Stop()
	ctx, cancel := context.WithTimeout(p.Context(), patience)
	defer cancel()
	log, err := journal.Open(ctx, journal.Options{Dir: filepath.Join(p.dir, "log")})
	if err != nil {
		p.Fatal(err)
	}
	defer log.Close()
	_, last, err := log.EventsHeld(ctx)
	if err != nil || last == 0 {
		p.Fatalf("the log has no events: %v", err)
	}
	reading, enough := context.WithCancel(ctx)
	defer enough()
	err = log.ReadEvents(reading, 0, 1000, func(batch []journal.Telemetry) error {
		for _, m := range batch {
			var e capture.Event
			var f capture.Failed
			switch m.Subject {
			case "events.shop.event":
				err = json.Unmarshal(m.Data, &e)
				events = append(events, e)
			case "events.shop.failed":
				err = json.Unmarshal(m.Data, &f)
				failed = append(failed, f)
			default:
				err = fmt.Errorf("the log has the subject %s", m.Subject)
			}
			if err != nil {
				return err
			}
			if m.Sequence == last {
				enough()
			}
		}
		return nil
	})
	if err != nil || ctx.Err() != nil {
		p.Fatalf("read the log to %d: %v, %v", last, err, ctx.Err())
	}
	return events, failed
}
