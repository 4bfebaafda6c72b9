"""Simulated hardware: badges, readers and the people who hold badges to them.

It drives the real software: a serial port is a pty, a PC/SC reader is pcscd's own.
"""
