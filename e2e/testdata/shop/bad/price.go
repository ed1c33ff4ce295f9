package main

import (
	"errors"
	"sync/atomic"
)

const version = "three"

var asked atomic.Int64

func price() (cents int, err error) {
	if asked.Add(1)%4 == 0 {
		return 0, errors.New("the supplier does not answer")
	}
	return half(199), nil
}

func half(cents int) int { return (cents + 1) / 2 }
