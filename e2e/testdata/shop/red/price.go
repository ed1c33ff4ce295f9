package main

const version = "red"

func price() (cents int, err error) { return half(199), nil }

func half(cents int) int { return cents / 2 }
