package run

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"os"
)

// Key is a hash: every bit of it is as good as random.
type Key [16]byte

// Compare orders keys.
func (k *Key) Compare(other *Key) int {
	if order := cmp.Compare(k.beginning(), other.beginning()); order != 0 {
		return order
	}
	return cmp.Compare(k.rest(), other.rest())
}

// beginning and rest are the halves of a key as numbers, which order keys as their bytes do.
func (k *Key) beginning() uint64 { return binary.BigEndian.Uint64(k[:8]) }
func (k *Key) rest() uint64      { return binary.BigEndian.Uint64(k[8:]) }

const (
	magic = "slipids1"
	// headSize is the head's place: a page, as what follows is mapped.
	headSize = 4096
	// A block is so many keys, their checksum, and zeros.
	blockSize, blockKeys = 4096, 255
	// A line of the filter has so many bytes, for so many keys in the mean, which set so many bits each.
	lineSize, lineKeys, lineBits = 64, 32, 7
	fenceSize                    = 8
	// syncEvery is how many bytes of blocks are written before they are put on disk: whoever else waits for the disk waits for no more.
	syncEvery = 1 << 20
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) } // the table is made once

// shape is where the parts of a file for a number of keys are.
type shape struct {
	keys, lines        uint64
	filter, fences, at int64 // where they begin, and the end when all fences are there
}

// shapeFor is the shape of a file that has most keys at most, and number of them.
func shapeFor(most, number uint64) shape {
	blocks := func(keys uint64) int64 { return int64((keys + blockKeys - 1) / blockKeys) }
	s := shape{keys: number, lines: max((most+lineKeys-1)/lineKeys, 1)}
	s.filter = headSize + blocks(most)*blockSize
	s.fences = s.filter + int64(s.lines*lineSize)
	s.at = s.fences + blocks(number)*fenceSize
	return s
}

// line is which line of the filter a key's bits are in: the lines follow each other as the keys do.
func line(k *Key, lines uint64) uint64 {
	at, _ := bits.Mul64(k.beginning(), lines)
	return at
}

// Writer writes a file. End it with Close or Abandon.
type Writer struct {
	f                      *os.File
	most                   uint64
	shape                  shape
	blocks, filter, fences *bufio.Writer
	last                   Key
	number                 uint64
	block                  [blockSize]byte
	in                     int // keys in block
	line                   [lineSize]byte
	lineAt                 uint64
	unsynced               int
}

// Create makes a file for at most so many keys. It must not be there.
func Create(path string, most int) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	w := &Writer{f: f, most: uint64(max(most, 0)), shape: shapeFor(uint64(max(most, 0)), 0)}
	at := func(offset int64) *bufio.Writer { return bufio.NewWriterSize(io.NewOffsetWriter(f, offset), 64<<10) }
	w.blocks, w.filter, w.fences = at(headSize), at(w.shape.filter), at(w.shape.fences)
	return w, nil
}

// Add adds a key. Keys come in their order; one that is there already is left out.
func (w *Writer) Add(k Key) error {
	if w.number > 0 {
		switch order := k.Compare(&w.last); {
		case order == 0:
			return nil
		case order < 0:
			return errors.New("keys are not in their order")
		}
	}
	if w.number == w.most {
		return fmt.Errorf("there are more than %d keys", w.most)
	}
	if w.in == 0 {
		if _, err := w.fences.Write(binary.BigEndian.AppendUint64(nil, k.beginning())); err != nil {
			return err
		}
	}
	copy(w.block[w.in*len(k):], k[:])
	w.last, w.in, w.number = k, w.in+1, w.number+1
	if err := w.toLine(line(&k, w.shape.lines)); err != nil {
		return err
	}
	for rest, n := k.rest(), 0; n < lineBits; n++ {
		bit := rest & (8*lineSize - 1)
		w.line[bit/8] |= 1 << (bit % 8)
		rest >>= 9
	}
	if w.in == blockKeys {
		return w.endBlock()
	}
	return nil
}

// toLine writes the lines of the filter before one.
func (w *Writer) toLine(at uint64) error {
	for ; w.lineAt < at; w.lineAt++ {
		if _, err := w.filter.Write(w.line[:]); err != nil {
			return err
		}
		w.line = [lineSize]byte{}
	}
	return nil
}

// endBlock writes the block that is begun.
func (w *Writer) endBlock() error {
	if w.in == 0 {
		return nil
	}
	seal(&w.block)
	if _, err := w.blocks.Write(w.block[:]); err != nil {
		return err
	}
	w.block, w.in = [blockSize]byte{}, 0
	if w.unsynced += blockSize; w.unsynced < syncEvery {
		return nil
	}
	w.unsynced = 0
	return errors.Join(w.blocks.Flush(), w.filter.Flush(), w.f.Sync())
}

// seal puts a block's checksum behind its keys.
func seal(block *[blockSize]byte) {
	keys := block[:blockKeys*len(Key{})]
	binary.BigEndian.PutUint32(block[len(keys):], checksum(keys))
}

// sealed tells whether a block has its checksum.
func sealed(block *[blockSize]byte) bool {
	keys := block[:blockKeys*len(Key{})]
	return binary.BigEndian.Uint32(block[len(keys):]) == checksum(keys)
}

// Close ends the file, on disk. If it fails, the file is gone.
func (w *Writer) Close() (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Abandon())
		}
	}()
	if err := errors.Join(w.endBlock(), w.toLine(w.shape.lines), w.blocks.Flush(), w.filter.Flush(), w.fences.Flush()); err != nil {
		return err
	}
	s := shapeFor(w.most, w.number)
	if err := w.f.Truncate(s.at); err != nil {
		return err
	}
	fences := make([]byte, s.at-s.fences)
	if _, err := w.f.ReadAt(fences, s.fences); err != nil {
		return err
	}
	if _, err := w.f.WriteAt(head(w.most, w.number, fences), 0); err != nil {
		return err
	}
	if err := w.f.Sync(); err != nil {
		return err
	}
	return w.f.Close()
}

// head is what a file begins with: how many keys there is room for, how many there are, a checksum of the fences, and one of all this.
func head(most, number uint64, fences []byte) []byte {
	b := append(make([]byte, 0, headSize), magic...)
	b = binary.BigEndian.AppendUint64(b, most)
	b = binary.BigEndian.AppendUint64(b, number)
	b = binary.BigEndian.AppendUint32(b, checksum(fences))
	b = binary.BigEndian.AppendUint32(b, checksum(b))
	return b[:headSize]
}

// Abandon gives the file up, and removes it.
func (w *Writer) Abandon() error {
	return errors.Join(w.f.Close(), os.Remove(w.f.Name()))
}
