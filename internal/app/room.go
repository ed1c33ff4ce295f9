package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics/feed"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/journal"
)

const (
	// lookEvery is how long what was found is taken for true.
	lookEvery = time.Second
	// leastFree is how much of a disk stays free, in bytes, or as a part of a small disk: the other parts of the server must go on.
	leastFree, leastPart = 1 << 30, 0.03
	// longestBehind is how old an event may be that is not stored: a day less than the log keeps it.
	longestBehind = 6 * 24 * time.Hour
)

// room tells whether there is room for events: on the disk, and between the log and what stores it.
type room struct {
	dir    string
	log    *journal.Journal
	feeder *feed.Feeder
	now    func() time.Time
	logger *slog.Logger

	mu  sync.Mutex
	at  time.Time
	err error
	// waits is a time before which nothing was written that is not stored yet.
	waits time.Time
}

// full is nil while events can be taken, and else what their senders are told.
func (r *room) full() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); now.Sub(r.at) >= lookEvery || now.Before(r.at) {
		before := r.err
		r.at, r.err = now, r.look()
		if (before == nil) != (r.err == nil) {
			r.logger.Warn("whether events are taken has changed", "refused", r.err)
		}
	}
	return r.err
}

func (r *room) look() error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(r.dir, &disk); err == nil {
		size := uint64(disk.Bsize)
		if free, least := disk.Bavail*size, min(uint64(leastPart*float64(disk.Blocks*size)), leastFree); free < least {
			return api.Unavailable(fmt.Sprintf("the server's disk is nearly full: %d MiB are free, and events are taken again from %d MiB on", free>>20, least>>20))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookEvery)
	defer cancel()
	behind := r.feeder.Behind()
	if behind.Again > 0 { // what is read again for one store is in the others, and its ended days are in the archive
		return nil
	}
	now := r.now()
	if waits := now.Sub(r.waits); waits >= 0 && waits <= longestBehind {
		return nil
	}
	since, waiting, err := r.log.EventTime(ctx, behind.Stored+1)
	if err != nil {
		return nil // where the log does not answer, writing to it says so
	}
	if !waiting {
		since = now // what comes is newer
	}
	if r.waits = since; now.Sub(since) > longestBehind {
		return api.Unavailable(fmt.Sprintf("events since %s are not stored yet, and the log keeps them for a week: see why in the server's log", since.UTC().Format(time.RFC3339)))
	}
	return nil
}
