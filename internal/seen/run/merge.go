package run

import (
	"errors"
	"runtime"
)

// yieldEvery is how many keys are merged before others may go first: some 50 µs.
const yieldEvery = 1024

// Merge makes one file of several, which stay. goOn is asked now and then, and its error ends it.
func Merge(path string, runs []*Run, goOn func() error) error {
	most := 0
	var heads []*cursor
	for _, r := range runs {
		most += r.Len()
		c := r.cursor()
		ok, err := c.next()
		if err != nil {
			return err
		}
		if ok {
			heads = append(heads, c)
		}
	}
	w, err := Create(path, most)
	if err != nil {
		return err
	}
	for n := 0; len(heads) > 0; n++ {
		if n%yieldEvery == 0 {
			if err := goOn(); err != nil {
				return errors.Join(err, w.Abandon())
			}
			runtime.Gosched()
		}
		least := 0 // they are few
		for i := 1; i < len(heads); i++ {
			if heads[i].key.Compare(&heads[least].key) < 0 {
				least = i
			}
		}
		if err := w.Add(heads[least].key); err != nil {
			return errors.Join(err, w.Abandon())
		}
		ok, err := heads[least].next()
		if err != nil {
			return errors.Join(err, w.Abandon())
		}
		if !ok {
			heads = append(heads[:least], heads[least+1:]...)
		}
	}
	return w.Close()
}
