package main

const version = "one"

func price() (cents int, err error) { return 199, nil }

func half(cents int) int { return (cents + 1) / 2 }
