#!/bin/sh
# Runs the tests of the nodes on a real rclpy; arguments go to pytest. Fails where there is none: nothing was tested then.
python=${PYTHON:-python3}

fail() {
    echo "test-ros: $*" >&2
    exit 2
}

cd "$(dirname "$0")/.." || exit 2
where=$("$python" -c 'import rclpy; print(rclpy.__file__)' 2>/dev/null) ||
    fail "$python cannot import rclpy, so there is no ROS 2 to test on; run: source /opt/ros/jazzy/setup.bash" \
        "(the embedded transport is tested by: make test)"
case $where in
*/ros_nodes/embedded/*) fail "rclpy is the embedded one ($where); take $PWD/ros_nodes/embedded out of PYTHONPATH" ;;
esac
for module in pytest numpy onnxruntime tyro rich; do
    "$python" -c "import $module" 2>/dev/null ||
        fail "$python has no $module; docs/colcon.md says how to make an environment that has both (then: PYTHON=...)"
done
echo "test-ros: rclpy of ${ROS_DISTRO:-an unknown distribution} at $where, ${RMW_IMPLEMENTATION:-its default} transport"
# ROS 2 brings pytest plugins of its own that are not meant for these tests.
exec "$python" -m pytest -p no:launch_testing -p no:launch_ros -p no:launch_pytest tests/ros_nodes "$@"
