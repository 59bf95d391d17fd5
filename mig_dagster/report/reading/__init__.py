"""Conversations for people to read: which ones, and how they are shown."""
