package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
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
	follows string // the sequence that the stream must end with, if any
	data    []byte
}

type appendRequest struct {
	msgs []message
	done chan appended
}

// appended is what became of a request: the sequence of its last message.
type appended struct {
	last uint64
	err  error
}

// Append puts telemetry into the log under "telemetry.<subject>" and returns when it is on disk. Calls that arrive while a commit is under way
// share the next one: at low load each is written at once, at high load up to 1,000 messages cost one fsync.
// It fails when a message has more than 8 MiB, when Run has ended, when the disk refuses, or when ctx ends first (then it may or may not have been
// written: send it again, under the same key).
func (j *Journal) Append(ctx context.Context, subject string, data ...[]byte) error {
	msgs := make([]message, len(data))
	for i, d := range data {
		msgs[i] = message{subject: telemetryPrefix + subject, data: d}
	}
	_, err := j.telemetry.append(ctx, Sender{}, msgs)
	return err
}

// Run commits appends in groups until ctx ends. A commit under way is finished; appends that wait for the next one fail.
func (j *Journal) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for l, commit := range map[*line]commitFunc{j.telemetry: j.commitBatch, j.events: j.commitEvents, j.takes: j.commitBatch} {
		wg.Go(func() { l.run(ctx, commit) })
	}
	wg.Go(func() { j.noteEnds(ctx) })
	wg.Wait()
	j.tryNote(context.WithoutCancel(ctx))
	return nil
}

// commitGroup writes a group as atomic batches, in order, and tells each request when its own messages are on disk. A request may exceed a batch, or lie across two: it is cut, and fails if a part does.
func commitGroup(group []appendRequest, commit commitFunc) {
	var msgs []message
	for _, req := range group {
		msgs = append(msgs, req.msgs...)
	}
	var last uint64 // of what is written
	var failed error
	written := 0
	for begin := 0; len(group) > 0; group = group[1:] {
		end := begin + len(group[0].msgs)
		for written < end && failed == nil {
			n := min(len(msgs)-written, maxBatch)
			// Not the callers' context: one that gives up must not fail the others.
			if n, last, failed = commit(context.Background(), msgs[written:written+n]); failed == nil {
				written += n
			}
		}
		switch {
		case failed == nil:
			group[0].done <- appended{last: last - uint64(written-end)}
		case written > begin:
			group[0].done <- appended{err: fmt.Errorf("%d of %d messages are written: %v", written-begin, end-begin, failed)} //nolint:errorlint // not all were refused
		default:
			group[0].done <- appended{err: failed}
		}
		begin = end
	}
}

// ErrRefused is an append of which nothing is in the log, for certain: it answered so. After any other error it may or may not be there.
var ErrRefused = errors.New("the log refused")

// pubAck is JetStream's answer to a publish or to the end of a batch.
type pubAck struct {
	Seq   uint64 `json:"seq"`
	Error *struct {
		Code        int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
}

// wrongLast are JetStream's codes of a stream that does not end where it was expected to.
var wrongLast = []int{10071, 10164}

// commitBatch speaks JetStream's atomic batch: headers number the messages, the last one commits and is answered (ADR-50 of NATS).
func (j *Journal) commitBatch(ctx context.Context, msgs []message) (n int, last uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	batch := nuid.Next()
	for i, m := range msgs {
		msg := nats.NewMsg(m.subject)
		msg.Data = m.data
		if m.id != "" {
			msg.Header.Set(nats.MsgIdHdr, m.id)
		}
		if m.follows != "" {
			msg.Header.Set(nats.ExpectedLastSeqHdr, m.follows)
		}
		if len(msgs) > 1 {
			msg.Header.Set("Nats-Batch-Id", batch)
			msg.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		}
		if i < len(msgs)-1 {
			if err := j.conn.PublishMsg(msg); err != nil {
				return 0, 0, fmt.Errorf("write %d messages to the log: %w", len(msgs), err)
			}
			continue
		}
		if len(msgs) > 1 {
			msg.Header.Set("Nats-Batch-Commit", "1")
		}
		last, err = j.finish(ctx, msg, len(msgs))
		return len(msgs), last, err
	}
	return 0, 0, nil
}

func (j *Journal) finish(ctx context.Context, msg *nats.Msg, n int) (last uint64, err error) {
	reply, err := j.conn.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return 0, fmt.Errorf("write %d messages to the log: no answer, is the disk full? %w", n, err)
	}
	var ack pubAck
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return 0, fmt.Errorf("write %d messages to the log: answer %q: %w", n, reply.Data, err)
	}
	if ack.Error != nil && slices.Contains(wrongLast, ack.Error.Code) {
		return 0, errMoved
	}
	if ack.Error != nil {
		return 0, fmt.Errorf("write %d messages: %w: %s (%d)", n, ErrRefused, ack.Error.Description, ack.Error.Code)
	}
	return ack.Seq, nil
}
