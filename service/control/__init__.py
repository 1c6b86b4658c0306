"""What Parley's own processes ask each other, over unix sockets that only their owner can open."""

from service.control.channel import ControlError, Question, answering, ask, reply

__all__ = ["ControlError", "Question", "answering", "ask", "reply"]
