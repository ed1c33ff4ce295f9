package run

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrDamaged is that a file is not as it was written.
var ErrDamaged = errors.New("the file is damaged")

// Run is a file that is open. Many may ask it at the same time; nobody may when it is closed.
type Run struct {
	f              *os.File
	shape          shape
	mapped         []byte
	filter, fences []byte
	room           sync.Pool // for blocks that are looked at
}

// Open opens a file. What the head says and the fences are checked; blocks are when they are read, and the filter is not.
func Open(path string) (r *Run, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
		}
	}()
	var b [headSize]byte
	if n, err := f.ReadAt(b[:], 0); err != nil && (!errors.Is(err, io.EOF) || n < headSize) {
		return nil, errors.Join(ErrDamaged, err)
	}
	most, number := binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
	if string(b[:8]) != magic || binary.BigEndian.Uint32(b[28:]) != checksum(b[:28]) || number > most || most > 1<<48 {
		return nil, ErrDamaged
	}
	r = &Run{f: f, shape: shapeFor(most, number)}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() != r.shape.at {
		return nil, ErrDamaged
	}
	// From the filter on; what lies before it is a multiple of a page of 4 KiB, and where pages are larger the map begins a little earlier.
	page := int64(os.Getpagesize())
	begin := r.shape.filter / page * page
	if r.mapped, err = unix.Mmap(int(f.Fd()), begin, int(r.shape.at-begin), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return nil, err
	}
	_ = unix.Madvise(r.mapped, unix.MADV_RANDOM) // what lies beside a line is no more likely to be asked for than the rest
	r.filter, r.fences = r.mapped[r.shape.filter-begin:r.shape.fences-begin], r.mapped[r.shape.fences-begin:]
	if checksum(r.fences) != binary.BigEndian.Uint32(b[24:]) {
		return nil, errors.Join(ErrDamaged, unix.Munmap(r.mapped))
	}
	return r, nil
}

// Close closes the file.
func (r *Run) Close() error { return errors.Join(unix.Munmap(r.mapped), r.f.Close()) }

// Len is how many keys there are.
func (r *Run) Len() int { return int(r.shape.keys) }

// mayHave is false for most keys that are not there, and true for each that is.
func (r *Run) mayHave(k *Key) bool {
	l := r.filter[line(k, r.shape.lines)*lineSize:][:lineSize]
	rest := k.rest()
	for range lineBits {
		bit := rest & (8*lineSize - 1)
		if l[bit/8]&(1<<(bit%8)) == 0 {
			return false
		}
		rest >>= 9
	}
	return true
}

// Has tells whether a key is there.
func (r *Run) Has(k *Key) (bool, error) {
	if r.shape.keys == 0 || !r.mayHave(k) {
		return false, nil
	}
	blocks, begins := len(r.fences)/fenceSize, k.beginning()
	fence := func(i int) uint64 { return binary.BigEndian.Uint64(r.fences[i*fenceSize:]) }
	// It is in the last block that begins before it; or, where keys have the same beginning, in one of those behind.
	block, _ := r.room.Get().(*[blockSize]byte)
	if block == nil {
		block = new([blockSize]byte)
	}
	defer r.room.Put(block)
	for at := max(sort.Search(blocks, func(i int) bool { return fence(i) >= begins })-1, 0); at < blocks && fence(at) <= begins; at++ {
		keys, err := r.block(at, block)
		if err != nil {
			return false, err
		}
		i := sort.Search(keys, func(i int) bool { return (*Key)(block[i*len(k):]).Compare(k) >= 0 })
		if i < keys && *(*Key)(block[i*len(k):]) == *k {
			return true, nil
		}
	}
	return false, nil
}

// block reads a block, and says how many keys it has.
func (r *Run) block(at int, into *[blockSize]byte) (keys int, err error) {
	if _, err := r.f.ReadAt(into[:], headSize+int64(at)*blockSize); err != nil {
		return 0, r.unread(at, err)
	}
	if !sealed(into) {
		return 0, r.unread(at, nil)
	}
	return r.keysIn(at), nil
}

// unread is the error of a block that is not as it was written, or that cannot be read, which comes to the same.
func (r *Run) unread(at int, err error) error {
	return fmt.Errorf("block %d of %s: %w", at, r.f.Name(), errors.Join(ErrDamaged, err))
}

// keysIn is how many keys a block has: all but the last are full.
func (r *Run) keysIn(at int) int { return int(min(r.shape.keys-uint64(at)*blockKeys, blockKeys)) }

// cursor goes through a file's keys in their order.
type cursor struct {
	r     *Run
	from  *bufio.Reader
	block [blockSize]byte
	at    int // blocks that were read
	in    int // the next key of the block
	keys  int // of the block
	key   Key
}

func (r *Run) cursor() *cursor {
	return &cursor{r: r, from: bufio.NewReaderSize(io.NewSectionReader(r.f, headSize, r.shape.filter-headSize), 64<<10)}
}

// next goes to the next key; false at the end.
func (c *cursor) next() (bool, error) {
	if c.in == c.keys {
		if uint64(c.at)*blockKeys >= c.r.shape.keys {
			return false, nil
		}
		if _, err := io.ReadFull(c.from, c.block[:]); err != nil {
			return false, c.r.unread(c.at, err)
		}
		if !sealed(&c.block) {
			return false, c.r.unread(c.at, nil)
		}
		c.in, c.keys = 0, c.r.keysIn(c.at)
		c.at++
	}
	copy(c.key[:], c.block[c.in*len(c.key):])
	c.in++
	return true, nil
}
