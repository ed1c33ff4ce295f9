package takes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Row is what happened to one group in the time of a block.
type Row struct {
	App, Env, Limit string
	Series          uint64
	Group           string
	// Asks is how many asked, and Asked how much; Given is how much was given. Denied and Near count asks that the limit did not have, also in the shadow, and that came near it.
	Asks, Asked, Given, Denied, Near int64
	// Counted is how much of what was given counts: not what a limit in the shadow gave beyond what it has.
	Counted int64
	// Ends is set for a lease of a concurrent limit, which ends then (ns since 1970): Out of it is out now, 0 when it was returned. Such a row counts no asks.
	Ends, Out int64
	// Forgot says that the group begins at nothing; such a row has nothing else.
	Forgot bool
}

// A block begins with a byte that says how it is written; readers refuse what they do not know. Names are much alike: zstd makes a long block a third of itself.
const (
	blockPlain = 1
	blockZstd  = 2
	// shortBlock is how many bytes are not worth it, and longBlock how many a block has at most once it is read.
	shortBlock = 512
	longBlock  = 64 << 20
)

// A block is, in varints: time in ns; the limits, each as app, env, group (strings with their length first) and series; the rows. A row is the number of its limit, what it is
// (rowCount, rowLease, rowForget), its group, and the numbers of that kind.
const (
	rowCount = iota
	rowLease
	rowForget
)

// writer makes blocks, and keeps its memory between them.
type writer struct {
	limits  map[uint64]uint64 // by series
	head    []byte
	rows    []byte
	block   []byte
	packed  []byte
	pack    *zstd.Encoder
	entries uint64
}

func (w *writer) reset() {
	if w.limits == nil {
		w.limits = map[uint64]uint64{}
	}
	clear(w.limits)
	w.head, w.rows, w.entries = w.head[:0], w.rows[:0], 0
}

func text[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (w *writer) limit(app, env, group string, series uint64) uint64 {
	n, ok := w.limits[series]
	if !ok {
		n = uint64(len(w.limits))
		w.limits[series] = n
		w.head = text(text(text(w.head, app), env), group)
		w.head = binary.AppendUvarint(w.head, series)
	}
	return n
}

func (w *writer) begin(limit uint64, kind byte, group []byte) {
	w.entries++
	w.rows = binary.AppendUvarint(w.rows, limit)
	w.rows = text(append(w.rows, kind), group)
}

func (w *writer) numbers(all ...int64) {
	for _, n := range all {
		w.rows = binary.AppendVarint(w.rows, n)
	}
}

// done is the block; it is the writer's until the next one.
func (w *writer) done(at int64) []byte {
	b := binary.AppendVarint(append(w.block[:0], blockPlain), at)
	b = append(binary.AppendUvarint(b, uint64(len(w.limits))), w.head...)
	w.block = append(binary.AppendUvarint(b, w.entries), w.rows...)
	if len(w.block) < shortBlock {
		return w.block
	}
	if w.pack == nil {
		w.pack, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)) // it fails for wrong options alone
	}
	w.packed = w.pack.EncodeAll(w.block[1:], append(w.packed[:0], blockZstd))
	return w.packed
}

// Reader reads blocks. It keeps what it unpacks them with.
type Reader struct{ unpack *zstd.Decoder }

// unpacked is a block's content behind its first byte.
func (r *Reader) unpacked(block []byte) (_ []byte, err error) {
	if len(block) == 0 {
		return nil, errShort
	}
	switch block[0] {
	case blockPlain:
		return block[1:], nil
	case blockZstd:
		if r.unpack == nil {
			if r.unpack, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(longBlock)); err != nil {
				return nil, err
			}
		}
		return r.unpack.DecodeAll(block[1:], nil)
	}
	return nil, fmt.Errorf("it is of form %d, which this program does not know", block[0])
}

var errShort = errors.New("it ends too early")

// reader takes a block apart.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.rest, r.err = nil, errShort
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.rest, r.err = nil, errShort
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.rest, r.err = nil, errShort
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.err = errShort
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// Block gives the rows of a block, in their order, and when it was made.
func (r *Reader) Block(block []byte) (at time.Time, rows []Row, err error) {
	rest, err := r.unpacked(block)
	if err != nil {
		return at, nil, fmt.Errorf("read a block of takes: %w", err)
	}
	return rowsOf(&reader{rest: rest})
}

func rowsOf(r *reader) (at time.Time, rows []Row, err error) {
	at = time.Unix(0, r.varint())
	limits := make([]Row, 0, 8)
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		limits = append(limits, Row{App: r.text(), Env: r.text(), Limit: r.text(), Series: r.uvarint()})
	}
	n := r.uvarint()
	rows = make([]Row, 0, min(n, uint64(len(r.rest))))
	for ; n > 0 && r.err == nil; n-- {
		limit := r.uvarint()
		if limit >= uint64(len(limits)) {
			return at, nil, fmt.Errorf("read a block of takes: it names limit %d of %d", limit, len(limits))
		}
		row, kind := limits[limit], r.byte()
		row.Group = r.text()
		switch kind {
		case rowCount:
			row.Asks, row.Asked, row.Given, row.Denied, row.Near, row.Counted = r.varint(), r.varint(), r.varint(), r.varint(), r.varint(), r.varint()
		case rowLease:
			row.Ends, row.Out = r.varint(), r.varint()
		case rowForget:
			row.Forgot = true
		default:
			return at, nil, fmt.Errorf("read a block of takes: it has a row of kind %d", kind)
		}
		rows = append(rows, row)
	}
	if r.err != nil {
		return at, nil, fmt.Errorf("read a block of takes: %w", r.err)
	}
	return at, rows, nil
}
