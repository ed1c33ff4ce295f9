package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

const (
	// maxBatch is what JetStream takes as one atomic batch.
	maxBatch = 1000
	// maxMessage is the size of the largest message, in bytes; the server takes a little more, for headers.
	maxMessage = 8 << 20
	// answerTime is how long the server may take to put a batch on disk. A full disk has no other sign: the server does not answer.
	answerTime = 15 * time.Second
)

// message is what goes into a stream.
type message struct {
	subject string
	id      string // Nats-Msg-Id, for state events
	data    []byte
}

type appendRequest struct {
	msgs []message
	done chan error
}

// Append puts telemetry into the log under "telemetry.<subject>" and returns when it is on disk. Calls that arrive while a commit is under way
// share the next one: at low load each is written at once, at high load up to 1,000 messages cost one fsync.
// It fails when a message has more than 8 MiB, when Run has ended, when the disk refuses, or when ctx ends first (then it may or may not have been
// written: send it again, under the same key).
func (j *Journal) Append(ctx context.Context, subject string, data ...[]byte) error {
	msgs := make([]message, len(data))
	for i, d := range data {
		if len(d) > maxMessage { // here, or it would fail all that share its batch
			return fmt.Errorf("write to the log under %q: a message of %d bytes is larger than %d", subject, len(d), maxMessage)
		}
		msgs[i] = message{subject: telemetryPrefix + subject, data: d}
	}
	req := appendRequest{msgs: msgs, done: make(chan error, 1)}
	select {
	case j.appends <- req:
	case <-j.ended:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-req.done:
		return err
	case <-j.ended:
		return req.refused()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refused is the answer once Run has ended: what became of the request when it was in the last commit, else that it came too late. Nobody will take it any more.
func (r appendRequest) refused() error {
	select {
	case err := <-r.done:
		return err
	default:
		return errClosed
	}
}

// Run commits appends in groups until ctx ends. A commit under way is finished; appends that wait for the next one fail.
func (j *Journal) Run(ctx context.Context) error {
	defer close(j.ended)
	for ctx.Err() == nil {
		select {
		case first := <-j.appends:
			j.commitGroup(first)
		case <-ctx.Done():
		}
	}
	return nil
}

// commitGroup takes what waits, up to a batch, and commits it. A single request may exceed a batch: it is cut, in order.
func (j *Journal) commitGroup(first appendRequest) {
	group, n := []appendRequest{first}, len(first.msgs)
collect:
	for n < maxBatch {
		select {
		case req := <-j.appends:
			group, n = append(group, req), n+len(req.msgs)
		default:
			break collect
		}
	}
	msgs := make([]message, 0, n)
	for _, req := range group {
		msgs = append(msgs, req.msgs...)
	}
	err := j.commit(context.Background(), msgs) // not the callers': one that gives up must not fail the others
	for _, req := range group {
		req.done <- err
	}
}

// commit writes messages as atomic batches of at most maxBatch and returns when all are on disk.
func (j *Journal) commit(ctx context.Context, msgs []message) error {
	for len(msgs) > 0 {
		n := min(len(msgs), maxBatch)
		if err := j.commitBatch(ctx, msgs[:n]); err != nil {
			return err
		}
		msgs = msgs[n:]
	}
	return nil
}

// pubAck is JetStream's answer to a publish or to the end of a batch.
type pubAck struct {
	Seq   uint64 `json:"seq"`
	Error *struct {
		Code        int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
}

// commitBatch speaks JetStream's atomic batch: headers number the messages, the last one commits and is answered (ADR-50 of NATS).
func (j *Journal) commitBatch(ctx context.Context, msgs []message) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	batch := nuid.Next()
	for i, m := range msgs {
		msg := nats.NewMsg(m.subject)
		msg.Data = m.data
		if m.id != "" {
			msg.Header.Set(nats.MsgIdHdr, m.id)
		}
		if len(msgs) > 1 {
			msg.Header.Set("Nats-Batch-Id", batch)
			msg.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		}
		if i < len(msgs)-1 {
			if err := j.conn.PublishMsg(msg); err != nil {
				return fmt.Errorf("write %d messages to the log: %w", len(msgs), err)
			}
			continue
		}
		if len(msgs) > 1 {
			msg.Header.Set("Nats-Batch-Commit", "1")
		}
		return j.finish(ctx, msg, len(msgs))
	}
	return nil
}

func (j *Journal) finish(ctx context.Context, msg *nats.Msg, n int) error {
	reply, err := j.conn.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return fmt.Errorf("write %d messages to the log: no answer, is the disk full? %w", n, err)
	}
	var ack pubAck
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return fmt.Errorf("write %d messages to the log: answer %q: %w", n, reply.Data, err)
	}
	if ack.Error != nil {
		return fmt.Errorf("write %d messages to the log: %s (%d)", n, ack.Error.Description, ack.Error.Code)
	}
	return nil
}
