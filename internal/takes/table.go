package takes

import "github.com/slipwayhq/slipway/internal/pure/rate"

// cell is what was taken under one group: 40 bytes, and nothing that the collector of garbage has to follow.
type cell struct {
	of       hashed
	at, used int64
	limit    uint32 // its number; 0: the place is empty
	noted    uint32 // where the pending of its shard has it
}

// table is an open-addressing hash table with linear probing. Single cells are never removed; keep makes it anew.
type table struct {
	cells []cell // a power of two
	count int
}

func (t *table) at(i int) rate.Cell { return rate.Cell{At: t.cells[i].at, Used: t.cells[i].used} }

// find is where a group is; else where it would be, once there is a place.
func (t *table) find(h hashed) (int, bool) {
	if len(t.cells) == 0 {
		return 0, false
	}
	mask := uint64(len(t.cells) - 1)
	for i := h.b & mask; ; i = (i + 1) & mask {
		switch c := &t.cells[i]; {
		case c.limit == 0:
			return int(i), false
		case c.of == h:
			return int(i), true
		}
	}
}

// add makes a cell for a group that has none.
func (t *table) add(h hashed, limit uint32) int {
	if t.count*8 >= len(t.cells)*7 {
		t.remake(max(2*len(t.cells), 8), func(*cell) bool { return true })
	}
	i, _ := t.find(h)
	t.cells[i] = cell{of: h, limit: limit}
	t.count++
	return i
}

// keep drops the cells that are not wanted, if they are many enough to be worth it.
func (t *table) keep(wanted func(*cell) bool) {
	n := 0
	for i := range t.cells {
		if c := &t.cells[i]; c.limit != 0 && wanted(c) {
			n++
		}
	}
	if t.count-n < max(t.count/8, 1) {
		return
	}
	size := 8
	for size*7 < (n+1)*8 {
		size *= 2
	}
	t.remake(size, wanted)
}

func (t *table) remake(size int, wanted func(*cell) bool) {
	old := t.cells
	t.cells, t.count = make([]cell, size), 0
	for i := range old {
		if c := &old[i]; c.limit != 0 && wanted(c) {
			j, _ := t.find(c.of)
			t.cells[j] = *c
			t.count++
		}
	}
}
