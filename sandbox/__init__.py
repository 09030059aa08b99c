"""Tries patches in throwaway containers; never touches the real module."""
