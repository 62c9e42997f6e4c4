"""Packed weights as the plain numbers that they stand for: a decoder a tool, read by rows.

Each is pure: it is told from config.json and headers, and a row is made of the bytes that belong to it.
"""
