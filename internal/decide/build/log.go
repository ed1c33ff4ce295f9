package build

import (
	"context"
	"io"

	"github.com/slipwayhq/slipway/internal/fault"
)

func logKey(build, lease string) string { return build + "/" + lease }

// Log adds output to a lease's log at the given offset in bytes; what is there already is dropped. It is a conflict when the lease is over.
func (s *Service) Log(ctx context.Context, agent, id string, offset int64, data []byte) error {
	l, err := heldLease(ctx, s.db, agent, id)
	if err != nil {
		return err
	}
	return s.blobs.Logs.Append(logKey(l.Build, l.ID), offset, data)
}

// LogTail is the part of a log behind an offset.
type LogTail struct {
	// Text holds the bytes from the offset to the present end. Close it.
	Text io.ReadCloser
	// End is true when the log is complete: nothing follows Text.
	End bool
}

// ReadLog gives the log of a lease from offset on. With wait it first waits until there is something behind the offset, the log is complete, or ctx ends.
func (s *Service) ReadLog(ctx context.Context, app, build, id string, offset int64, wait bool) (LogTail, error) {
	if offset < 0 {
		return LogTail{}, fault.Invalid("A log has no offset %d.", offset).At("offset")
	}
	if _, err := buildOf(ctx, s.db, app, build); err != nil {
		return LogTail{}, err
	}
	found, err := leases(ctx, s.db, `id = $1 AND build = $2`, id, build)
	if err != nil {
		return LogTail{}, err
	}
	if len(found) == 0 {
		return LogTail{}, fault.NotFound("Build %s has no lease %s.", build, id)
	}
	key := logKey(build, id)
	if wait {
		if _, _, err := s.blobs.Logs.Wait(ctx, key, offset); err != nil {
			return LogTail{}, err
		}
	}
	_, sealed, err := s.blobs.Logs.Size(key) // before opening: what is complete now stays so
	if err != nil {
		return LogTail{}, err
	}
	text, err := s.blobs.Logs.Open(key, offset)
	return LogTail{Text: text, End: sealed}, err
}
